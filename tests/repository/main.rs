//! What holds the repository together: its structure, its header, and what its documents promise.

mod annotations;
mod cases;
mod header;
mod names;
mod promises;
mod structure;
mod troubleshooting;
