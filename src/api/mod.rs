//! What the Engine API is: addresses, canonical requests, versions and the operation catalogue.
//! Pure: nothing here opens a socket or a file.

mod address;

pub use address::{Address, AddressError};
