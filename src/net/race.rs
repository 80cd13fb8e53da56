//! Tries a hub's addresses until one of them leads to it ("happy eyeballs", RFC 8305, beyond TCP).

use std::collections::VecDeque;
use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

/// How long an address has before the next one is tried beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadStart {
    /// To accept the connection.
    pub(crate) connect: Duration,
    /// To open, once it has accepted.
    pub(crate) open: Duration,
}

/// Why an address does not lead to the hub.
pub(crate) trait Setback {
    /// Whether the hub itself refused. Another address would say the same.
    fn is_final(&self) -> bool;
    /// How far the attempt got. The failure that got furthest is reported.
    fn progress(&self) -> u8;
}

/// Connects to the addresses in their order and opens what has connected. Returns what opened first.
///
/// An address that has connected keeps the others waiting for its head start, so that the hub does not see
/// two connections. After that they get their turn beside it. The error is `None` where there is no address.
pub(crate) async fn race<A, C, S, E, Connecting, Opening>(
    addresses: Vec<A>,
    head_start: HeadStart,
    connect: impl Fn(A) -> Connecting,
    open: impl Fn(C) -> Opening,
) -> Result<S, Option<E>>
where
    A: Copy + PartialEq,
    E: Setback,
    Connecting: Future<Output = Result<C, E>>,
    Opening: Future<Output = Result<S, E>>,
{
    let mut waiting = VecDeque::from(addresses);
    let mut connecting = FuturesUnordered::new();
    let mut tried: Vec<A> = Vec::new();
    let mut opening = FuturesUnordered::new();
    let mut next = Instant::now();
    let mut failure: Option<E> = None;
    loop {
        let failed = tokio::select! {
            biased;
            Some(opened) = opening.next() => match opened {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            },
            Some((address, connected)) = connecting.next() => {
                tried.retain(|other| *other != address);
                match connected {
                    Ok(connected) => {
                        opening.push(open(connected));
                        connecting.clear();
                        for address in tried.drain(..).rev() {
                            waiting.push_front(address);
                        }
                        next = Instant::now() + head_start.open;
                        continue;
                    }
                    Err(error) => error,
                }
            }
            () = turn(next), if !waiting.is_empty() => {
                if let Some(address) = waiting.pop_front() {
                    let attempt = connect(address);
                    connecting.push(async move { (address, attempt.await) });
                    tried.push(address);
                }
                next = Instant::now() + head_start.connect;
                continue;
            }
            else => return Err(failure),
        };
        if failed.is_final() {
            return Err(Some(failed));
        }
        if failure.as_ref().is_none_or(|failure| failed.progress() >= failure.progress()) {
            failure = Some(failed);
        }
        next = Instant::now();
    }
}

/// Waits for the next address's turn, which may be now: a timer takes a millisecond even for that.
async fn turn(next: Instant) {
    if Instant::now() < next {
        sleep_until(next).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const HEAD_START: HeadStart =
        HeadStart { connect: Duration::from_millis(250), open: Duration::from_millis(3000) };
    const NEVER: u64 = u64::MAX;

    #[derive(Debug, PartialEq)]
    struct Failed(u8);

    impl Setback for Failed {
        fn is_final(&self) -> bool {
            self.0 == 9
        }

        fn progress(&self) -> u8 {
            self.0
        }
    }

    /// What an address does: when it accepts or refuses, and then when it opens or fails.
    #[derive(Clone, Copy)]
    struct Address {
        connect: (u64, Option<u8>),
        open: (u64, Option<u8>),
    }

    async fn after((millis, failure): (u64, Option<u8>)) -> Result<(), Failed> {
        match millis {
            NEVER => std::future::pending().await,
            _ => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
        failure.map_or(Ok(()), |failure| Err(Failed(failure)))
    }

    /// Which address opened and after how many milliseconds, and when each was connected to.
    async fn run(addresses: &[Address]) -> (Result<(usize, u64), Option<Failed>>, Vec<(usize, u64)>) {
        let started = Instant::now();
        let now = || u64::try_from(started.elapsed().as_millis()).unwrap();
        let connects = RefCell::new(Vec::new());
        let indices = (0..addresses.len()).collect();
        let connect = |index: usize| {
            connects.borrow_mut().push((index, now()));
            let connect = addresses[index].connect;
            async move { after(connect).await.map(|()| index) }
        };
        let open = |index: usize| {
            let open = addresses[index].open;
            async move { after(open).await.map(|()| index) }
        };
        let outcome = race(indices, HEAD_START, connect, open).await;
        (outcome.map(|index| (index, now())), connects.into_inner())
    }

    fn good() -> Address {
        Address { connect: (10, None), open: (20, None) }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_address_that_leads_there_is_the_only_one() {
        assert_eq!(run(&[good(), good()]).await, (Ok((0, 30)), vec![(0, 0)]));
        // slow is not dead: an answer within the head start keeps the others out
        let slow = Address { connect: (200, None), open: (2900, None) };
        assert_eq!(run(&[slow, good()]).await, (Ok((0, 3100)), vec![(0, 0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_refuses_gives_way_at_once() {
        let refuses = Address { connect: (1, Some(1)), ..good() };
        assert_eq!(run(&[refuses, refuses, good()]).await.0, Ok((2, 32)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_does_not_answer_gives_way_in_a_moment() {
        let dead = Address { connect: (NEVER, None), ..good() };
        let (outcome, connects) = run(&[dead, dead, good()]).await;
        assert_eq!((outcome, connects), (Ok((2, 530)), vec![(0, 0), (1, 250), (2, 500)]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_accepts_and_stalls_gives_way() {
        let stalls = Address { open: (NEVER, None), ..good() };
        assert_eq!(run(&[stalls, good()]).await.0, Ok((1, 3040)));
        assert_eq!(run(&[stalls, stalls, good()]).await.0, Ok((2, 6050)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_stalls_may_still_win() {
        let late = Address { open: (3500, None), ..good() };
        let dead = Address { connect: (NEVER, None), ..good() };
        assert_eq!(run(&[late, dead]).await.0, Ok((0, 3510)));
        let stalls = Address { open: (NEVER, None), ..good() };
        assert_eq!(run(&[late, stalls, stalls]).await.0, Ok((0, 3510)));
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_were_connecting_get_another_turn() {
        let slow = Address { connect: (300, None), ..good() };
        let stalls = Address { connect: (100, None), open: (NEVER, None) };
        // the second wins the first round, stalls, and the first is tried again
        let (outcome, connects) = run(&[slow, stalls]).await;
        assert_eq!(connects, [(0, 0), (1, 250)]);
        assert_eq!(outcome, Ok((0, 320)));
        let slower = Address { connect: (400, None), ..good() };
        let (outcome, connects) = run(&[slower, stalls]).await;
        assert_eq!(connects, [(0, 0), (1, 250), (0, 3350)]);
        assert_eq!(outcome, Ok((0, 3770)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_breaks_gives_way_at_once() {
        let breaks = Address { open: (5, Some(3)), ..good() };
        assert_eq!(run(&[breaks, good()]).await.0, Ok((1, 45)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_hubs_own_answer_ends_it() {
        let answers = Address { open: (5, Some(9)), ..good() };
        assert_eq!(run(&[answers, good()]).await, (Err(Some(Failed(9))), vec![(0, 0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_failure_that_got_furthest_is_told() {
        let refuses = |progress| Address { connect: (1, Some(progress)), ..good() };
        let breaks = Address { open: (5, Some(3)), ..good() };
        assert_eq!(run(&[breaks, refuses(1)]).await.0, Err(Some(Failed(3))));
        assert_eq!(run(&[refuses(1), breaks]).await.0, Err(Some(Failed(3))));
        assert_eq!(run(&[refuses(2), refuses(1)]).await.0, Err(Some(Failed(2))));
        assert_eq!(run(&[]).await.0, Err(None));
    }
}
