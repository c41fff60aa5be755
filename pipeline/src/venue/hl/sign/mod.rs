//! Signing (PROTOCOL §3.1 and §4): from an action to the bytes that the venue accepts.
//!
//! | module | what |
//! |---|---|
//! | [`action`] | what can be asked of the venue, described once |
//! | [`writer`] | the two forms it is written in: msgpack (hashed) and JSON (sent) |
//! | [`eip712`] | Keccak, domains and the phantom agent: from bytes to the digest |
//! | [`key`] | addresses, the secret key, signatures, recovery |
//! | [`presign`] | what of a signature does not depend on its message, made ahead |
//! | [`pool`] | where these wait, and for how long they may be used |
//! | [`request`] | nonce, vault and expiry around an action: the whole signed request |
//! | [`user`] | actions that the account itself signs as typed data (approveAgent, …) |
//! | [`generic`] | any action's JSON text to msgpack: slow, for tools and as the writer's twin |
//!
//! Nothing on the way from an [`action::WireAction`] to a signed request allocates, once the
//! buffers have their size.

pub mod action;
pub mod eip712;
pub mod generic;
pub mod hex;
pub mod key;
pub mod pool;
pub mod presign;
pub mod request;
pub mod user;
pub mod writer;

pub use action::{Encode, Modification, OrderRef, TimeInForce, WireAction, WireCancel, WireOrder};
pub use eip712::{Hash32, Network, keccak256};
pub use generic::{GenericError, json_to_msgpack};
pub use key::{Address, KeyError, Recoverer, Signature, Signer};
pub use pool::{Pool, Presigner, pool};
pub use request::{Envelope, Nonce, RequestSigner};
pub use user::{ApproveAgent, UserError, UserKind};
