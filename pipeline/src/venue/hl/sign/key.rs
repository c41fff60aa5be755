//! Addresses, the secret key, signatures, and whose they are.

use super::eip712::{Hash32, keccak256};
use super::hex;
use super::writer::WireWriter;
use core::fmt;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey, Secp256k1, SecretKey, SignOnly, VerifyOnly};
use zeroize::Zeroizing;

/// An account's address, in lower case wherever it is written: the venue hashes that form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address([u8; 20]);

impl Address {
    /// From its bytes.
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
    /// `0x` and 40 hex digits of any case; None for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        text.starts_with("0x").then(|| hex::parse(text).map(Self)).flatten()
    }
    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
    /// The last 20 bytes of the public key's hash.
    fn of(key: &PublicKey) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&keccak256(&key.serialize_uncompressed()[1..])[12..]);
        Self(bytes)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::text(&self.0))
    }
}
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A recoverable signature, as the venue takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    /// The nonce point's x.
    pub r: [u8; 32],
    /// The proof; of the two that verify, the lower.
    pub s: [u8; 32],
    /// 27 + recovery id.
    pub v: u8,
}

impl Signature {
    /// As the request's `signature`.
    pub fn encode<W: WireWriter>(&self, w: &mut W) {
        w.begin_map(3);
        w.key("r");
        w.hex(&self.r);
        w.key("s");
        w.hex(&self.s);
        w.key("v");
        w.uint(u64::from(self.v));
        w.end_map();
    }
}

/// Why a secret key is none. Says nothing about what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Not 64 hex digits.
    NotHex,
    /// Zero, or not below the order of the curve.
    OutOfRange,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHex => {
                "not a private key: 64 hex digits are expected, 0x may stand before them"
            }
            Self::OutOfRange => "not a private key: zero, or beyond the order of secp256k1",
        })
    }
}

impl std::error::Error for KeyError {}

/// One secret key. Wiped when dropped, never copied, never shown.
pub struct Signer {
    /// Boxed, so that moving the signer leaves no copy behind.
    pub(super) secret: Box<SecretKey>,
    pub(super) context: Secp256k1<SignOnly>,
    address: Address,
}

impl Signer {
    /// From 64 hex digits, with `0x` or without.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(hex::parse::<32>(text.trim()).ok_or(KeyError::NotHex)?);
        let secret = SecretKey::from_byte_array(*bytes).map_err(|_| KeyError::OutOfRange)?;
        let (secret, context) = (Box::new(secret), Secp256k1::signing_only());
        let address = Address::of(&secret.public_key(&context));
        Ok(Self { secret, context, address })
    }

    /// Whose signatures these are.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a digest: deterministic (RFC 6979), low s. Allocates nothing.
    #[inline]
    pub fn sign(&self, digest: &Hash32) -> Signature {
        let message = Message::from_digest(*digest);
        let signature = self.context.sign_ecdsa_recoverable(message, &self.secret);
        let (id, compact) = signature.serialize_compact();
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&compact[..32]);
        s.copy_from_slice(&compact[32..]);
        Signature { r, s, v: 27 + i32::from(id) as u8 }
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.secret.non_secure_erase();
    }
}

/// The address and nothing else.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.address)
    }
}

/// Finds out who signed.
pub struct Recoverer {
    context: Secp256k1<VerifyOnly>,
}

impl Default for Recoverer {
    fn default() -> Self {
        Self { context: Secp256k1::verification_only() }
    }
}

impl Recoverer {
    /// The signer's address; None when `v` is not 27 or 28, or no key could have signed so. A wrong
    /// digest gives some other address, not None.
    pub fn recover(&self, digest: &Hash32, signature: &Signature) -> Option<Address> {
        let id = match signature.v {
            27 => RecoveryId::Zero,
            28 => RecoveryId::One,
            _ => return None,
        };
        let mut compact = [0; 64];
        compact[..32].copy_from_slice(&signature.r);
        compact[32..].copy_from_slice(&signature.s);
        let signature = RecoverableSignature::from_compact(&compact, id).ok()?;
        let key = self.context.recover_ecdsa(Message::from_digest(*digest), &signature).ok()?;
        Some(Address::of(&key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0x0123456789012345678901234567890123456789012345678901234567890123";

    #[test]
    fn keys_are_read_and_others_refused() {
        let address = "0x14791697260e4c9a71f18484c9f997b308e59325";
        for text in [KEY, &KEY[2..], &format!("  {KEY}\n")] {
            assert_eq!(Signer::from_hex(text).unwrap().address().to_string(), address);
        }
        let zero = "0".repeat(64);
        let error = |text: &str| Signer::from_hex(text).err();
        for (text, expected) in [
            ("", KeyError::NotHex),
            (&KEY[..65], KeyError::NotHex),
            ("zz", KeyError::NotHex),
            (zero.as_str(), KeyError::OutOfRange),
            (&"f".repeat(64), KeyError::OutOfRange),
        ] {
            assert_eq!(error(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_signer_never_shows_its_key() {
        let secret = "35138b18b7dc8cad5201138bd48fcf8417e741074b6bfe797170d61fa235e104";
        let signer = Signer::from_hex(secret).unwrap();
        let bytes = hex::parse::<32>(secret).unwrap();
        for shown in [format!("{signer:?}"), format!("{signer:#?}"), format!("{:?}", Some(&signer))]
        {
            assert!(shown.contains("0x7383e9a3a208dea668a3a9d3fcfc6d916734cc75"), "{shown}");
            for part in (0..bytes.len() - 3).map(|i| &secret[2 * i..2 * i + 8]) {
                assert!(!shown.contains(part), "{shown} holds {part} of the key");
            }
            assert!(!shown.contains(&format!("{}, {}", bytes[0], bytes[1])), "{shown}");
        }
        // An error about a key that is nearly one does not repeat it either.
        let error = Signer::from_hex(&secret[..62]).unwrap_err();
        assert!(
            !error.to_string().contains(&secret[..8]) && !format!("{error:?}").contains("3513")
        );
    }

    #[test]
    fn addresses_are_strict_and_lower_case() {
        let lower = "0x4fe48adebfc287e591eb0a544dc7dcb5a4f583a6";
        let mixed = "0x4fe48aDeBfC287E591EB0a544Dc7dCB5a4F583a6";
        assert_eq!(Address::parse(mixed).unwrap().to_string(), lower);
        for bad in [&lower[2..], &lower[..41], "0x", ""] {
            assert_eq!(Address::parse(bad), None);
        }
    }

    #[test]
    fn a_signature_that_no_key_made_has_no_signer() {
        let recoverer = Recoverer::default();
        let good = Signer::from_hex(KEY).unwrap().sign(&[7; 32]);
        assert!(recoverer.recover(&[7; 32], &good).is_some());
        for bad in [
            Signature { v: 0, ..good },
            Signature { v: 29, ..good },
            Signature { r: [0; 32], ..good },
            Signature { s: [0xff; 32], ..good },
        ] {
            assert_eq!(recoverer.recover(&[7; 32], &bad), None, "{bad:?}");
        }
    }
}
