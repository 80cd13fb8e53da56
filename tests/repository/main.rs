//! What holds the repository together: its structure, and what its documents promise.

mod annotations;
mod cases;
mod names;
mod promises;
mod structure;
mod troubleshooting;
