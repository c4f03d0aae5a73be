//! Staging as a whole; filled in below.
