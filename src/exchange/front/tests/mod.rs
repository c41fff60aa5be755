//! Tests of the whole front: requests and frames in, replies and frames out.

mod conditional;
mod http;
mod limits;
mod malformed;
mod shapes;
mod signatures;
mod trading;
mod websocket;
pub mod world;
