//! The native REST door: RA-profile operations and their management.
