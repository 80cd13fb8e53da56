//! The last location of each unit.

use std::{collections::BTreeMap, time::Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};

/// More units than any community has on duty.
const MAX_UNITS: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Units(Mutex<BTreeMap<(u32, String), (Value, Instant)>>);

impl Units {
    /// Stores the updates of an accepted call.
    pub(crate) fn take(&self, server: u32, updates: &[Value]) {
        let mut units = self.0.lock();
        for update in updates {
            let Some(name) = name(update) else { continue };
            if units.len() < MAX_UNITS || units.contains_key(&(server, name.clone())) {
                units.insert((server, name), (update.clone(), Instant::now()));
            }
        }
    }

    /// All units, with the age of their locations.
    pub(crate) fn shown(&self) -> Vec<Value> {
        let shown = |((server, unit), (update, since)): (&(u32, String), &(Value, Instant))| json!({ "serverId": server, "unit": unit, "ageMs": since.elapsed().as_millis() as u64, "update": update });
        self.0.lock().iter().map(shown).collect()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

/// A unit's id, with the kind of id it is.
fn name(update: &Value) -> Option<String> {
    ["communityUserId", "apiId", "identId", "roblox"].into_iter().find_map(|kind| {
        let value = update.get(kind).filter(|value| !value.is_null())?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(format!("{kind} {value}"))
    })
}
