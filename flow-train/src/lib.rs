//! Fits normalizing flows to recorded data.
