//! One-time signatures: what of a signature does not depend on its message, made ahead.
//!
//! For a digest z, ECDSA takes a fresh number k and gives r = (k·G).x and s = k⁻¹(z + r·d). Only s knows the
//! message: R = k·G, k⁻¹ and r·d cost nearly all of the time, and can be made while nothing else is to be done.
//! What is left is one sum and one product.
//!
//! **Two messages under one k give the key away, and so does a k that somebody knows.** So a
//! [`Presignature`] is neither cloned nor copied nor shown, signing takes it, and it is wiped when it
//! goes, used or not. Sums and products are libsecp256k1's alone, in constant time; copies that the compiler
//! leaves on a stack cannot be wiped from here (docs/signing.md).

use super::eip712::Hash32;
use super::key::{Signature, Signer};
use secp256k1::{Scalar, SecretKey};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// The order of the curve, less two: a number to this power is its inverse (Fermat).
const ORDER_LESS_2: Hash32 = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x3f,
];
/// Half of the order: of the two s that verify, the venue takes the one up to here.
const HALF_ORDER: Hash32 = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// A signature of one key that lacks nothing but its message. See the module.
pub struct Presignature {
    /// (k·G).x
    r: Hash32,
    /// (k·G).y is odd.
    is_odd: bool,
    /// r·d
    share: Hash32,
    /// k⁻¹
    inverse: Hash32,
}

impl Presignature {
    /// What is left where one was taken: it signs nothing.
    pub(super) const SPENT: Self =
        Self { r: [0; 32], is_odd: false, share: [0; 32], inverse: [0; 32] };

    /// Of a signer, for k. [`None`] = not with this k: the x of its point is beyond the curve's order, which
    /// the venue's `v` cannot say. (One in 2^127; but also what a broken machine makes of others.)
    pub(super) fn new(signer: &Signer, k: &Secret) -> Option<Self> {
        let point = k.0.public_key(&signer.context).serialize_uncompressed();
        let mut r = [0; 32];
        r.copy_from_slice(&point[1..33]);
        let factor = Scalar::from_be_bytes(r).ok()?;
        let share = Secret(signer.secret.mul_tweak(&factor).ok()?);
        let inverse = k.inverse()?;
        if k.times(&inverse)?.0.secret_bytes() != secp256k1::constants::ONE {
            return None;
        }
        let (share, inverse) = (share.0.secret_bytes(), inverse.0.secret_bytes());
        Some(Self { r, is_odd: point[64] & 1 == 1, share, inverse })
    }

    /// The signature of a digest, low s. [`None`] = it signs no digest like this (one in 2^127, and one that
    /// is spent); it is gone in any case.
    #[inline]
    pub fn sign(self, digest: &Hash32) -> Option<Signature> {
        let z = Scalar::from_be_bytes(*digest).ok()?;
        let sum = Secret(SecretKey::from_byte_array(self.share).ok()?.add_tweak(&z).ok()?);
        let s = Secret(SecretKey::from_byte_array(self.inverse).ok()?).times(&sum)?;
        let is_high = s.0.secret_bytes() > HALF_ORDER;
        let s = if is_high { s.0.negate() } else { s.0 };
        let v = 27 + u8::from(self.is_odd != is_high);
        Some(Signature { r: self.r, s: s.secret_bytes(), v })
    }
}

impl Presignature {
    fn wipe(&mut self) {
        self.r.zeroize();
        self.share.zeroize();
        self.inverse.zeroize();
    }
}

impl Drop for Presignature {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// A number from 1 up to the curve's order, wiped when dropped.
pub(super) struct Secret(SecretKey);

impl Secret {
    #[inline]
    fn times(&self, other: &Self) -> Option<Self> {
        let mut factor = Scalar::from(other.0);
        let product = self.0.mul_tweak(&factor).ok();
        factor.non_secure_erase();
        product.map(Self)
    }

    /// By its power, four bits of the exponent at a time; the same steps whatever it is.
    fn inverse(&self) -> Option<Self> {
        let mut powers = Vec::with_capacity(15); // At once: one that grows leaves copies behind.
        powers.push(Self(self.0));
        for _ in 1..15 {
            powers.push(powers.last()?.times(self)?);
        }
        let digits = ORDER_LESS_2.iter().flat_map(|byte| [byte >> 4, byte & 15]).skip(1);
        let mut power = Self(powers[14].0);
        for digit in digits {
            for _ in 0..4 {
                power = power.times(&power)?;
            }
            if digit > 0 {
                power = power.times(&powers[usize::from(digit) - 1])?;
            }
        }
        Some(power)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

/// The k of RFC 6979 (with SHA-256) for a key and a message, and fresh entropy mixed in as its §3.6 has it.
/// None of them alone, known or repeated, gives the k away.
pub(super) fn nonce(signer: &Signer, message: &Hash32, entropy: &[u8]) -> Secret {
    let key = Zeroizing::new(signer.secret.secret_bytes());
    let (mut k, mut v) = (Zeroizing::new([0; 32]), Zeroizing::new([1; 32]));
    for round in [0, 1] {
        k = hmac(&k, &[v.as_slice(), &[round], key.as_slice(), message, entropy]);
        v = hmac(&k, &[v.as_slice()]);
    }
    loop {
        v = hmac(&k, &[v.as_slice()]);
        if let Ok(secret) = SecretKey::from_byte_array(*v) {
            return Secret(secret);
        }
        k = hmac(&k, &[v.as_slice(), &[0]]);
        v = hmac(&k, &[v.as_slice()]);
    }
}

/// HMAC-SHA256 (RFC 2104) of parts one behind the other.
fn hmac(key: &Hash32, parts: &[&[u8]]) -> Zeroizing<Hash32> {
    const BLOCK: usize = 64;
    let pad = |filler: u8| {
        let mut block = Zeroizing::new([filler; BLOCK]);
        block.iter_mut().zip(key).for_each(|(byte, of_key)| *byte ^= of_key);
        block
    };
    let inner = parts.iter().fold(Sha256::new().chain_update(*pad(0x36)), Sha256::chain_update);
    let inner = Zeroizing::new(<Hash32>::from(inner.finalize()));
    let outer = Sha256::new().chain_update(*pad(0x5c)).chain_update(*inner);
    Zeroizing::new(outer.finalize().into())
}

#[cfg(test)]
mod tests;
