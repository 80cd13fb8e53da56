//! What holds the repository together: its structure, its header, and what its documents promise.

mod header;
mod promises;
mod structure;
