//! What the fuzz targets do with an input. Each panics over a broken promise. `cargo test` runs the seeds through
//! them; `calls`, which needs the C functions alone, is in `tests/support`.

mod connection;
mod options;
mod oracle;
mod records;

pub use connection::connection;
pub use options::options;
pub use records::records;

#[cfg(test)]
mod tests;
