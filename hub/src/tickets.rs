//! Connection ids: issued by negotiation, valid for one connection and a short time.

use std::{
    collections::HashMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Forget an unused id after this long.
const LIFETIME: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<HashMap<String, Ticket>>);

#[derive(Debug)]
struct Ticket {
    id: String,
    state: State,
}

#[derive(Debug)]
enum State {
    IssuedAt(Instant),
    InUse,
}

/// The answer to a negotiation.
#[derive(Debug)]
pub(crate) struct Issued {
    /// Names the connection.
    pub(crate) id: String,
    /// Opens it.
    pub(crate) token: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Unknown,
    InUse,
}

impl Tickets {
    /// Issues a new id. The older negotiation has no separate secret token.
    pub(crate) fn issue(&self, with_token: bool) -> Issued {
        let id = random_id();
        let token = if with_token { random_id() } else { id.clone() };
        let mut tickets = self.0.lock();
        tickets.retain(|_, ticket| !ticket.expired());
        tickets.insert(token.clone(), Ticket { id: id.clone(), state: State::IssuedAt(Instant::now()) });
        Issued { id, token }
    }

    /// Returns the id of a token's connection.
    pub(crate) fn redeem(&self, token: &str) -> Result<String, Refused> {
        let mut tickets = self.0.lock();
        let ticket = tickets.get_mut(token).filter(|ticket| !ticket.expired()).ok_or(Refused::Unknown)?;
        match std::mem::replace(&mut ticket.state, State::InUse) {
            State::IssuedAt(_) => Ok(ticket.id.clone()),
            State::InUse => Err(Refused::InUse),
        }
    }

    /// Issues an id for a client that did not negotiate.
    pub(crate) fn walk_in(&self) -> String {
        random_id()
    }

    /// Forgets a connection that has ended.
    pub(crate) fn discard(&self, id: &str) {
        self.0.lock().retain(|_, ticket| ticket.id != id);
    }
}

impl Ticket {
    fn expired(&self) -> bool {
        matches!(self.state, State::IssuedAt(time) if time.elapsed() >= LIFETIME)
    }
}

pub(crate) fn random_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness the time is unique enough for a local hub.
    if getrandom::fill(&mut bytes).is_err() {
        bytes[..8].copy_from_slice(&crate::clock::now_ns().to_le_bytes());
    }
    bytes.iter().fold(String::with_capacity(32), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_opens_one_connection_and_is_forgotten_with_it() {
        let tickets = Tickets::default();
        let issued = tickets.issue(true);
        assert_eq!(tickets.redeem(&issued.id), Err(Refused::Unknown));
        assert_eq!(tickets.redeem(&issued.token), Ok(issued.id.clone()));
        assert_eq!(tickets.redeem(&issued.token), Err(Refused::InUse));
        tickets.discard(&issued.id);
        assert_eq!(tickets.redeem(&issued.token), Err(Refused::Unknown));
    }
}
