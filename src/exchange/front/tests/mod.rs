//! Tests of the whole front: requests and frames in, replies and frames out.

mod http;
mod limits;
mod malformed;
mod shapes;
mod signatures;
mod trading;
mod websocket;
pub mod world;
