//! From bytes to the digest that is signed: Keccak-256, EIP-712 domains, and the phantom agent that
//! stands for an L1 action (PROTOCOL §4.1). What does not change is hashed once.

use tiny_keccak::{Hasher, Keccak};

/// A Keccak-256 hash.
pub type Hash32 = [u8; 32];

/// The domain type of EIP-712, in the form the venue uses.
const DOMAIN_TYPE: &str =
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
/// The phantom agent's type.
const AGENT_TYPE: &str = "Agent(string source,bytes32 connectionId)";
/// Chain id of L1 actions, on both networks.
const L1_CHAIN_ID: u64 = 1337;

/// Keccak-256 (the original padding, not NIST's SHA-3).
#[inline]
pub fn keccak256(bytes: &[u8]) -> Hash32 {
    let (mut keccak, mut hash) = (Keccak::v256(), [0; 32]);
    keccak.update(bytes);
    keccak.finalize(&mut hash);
    hash
}

/// Which chain a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// Real money.
    Mainnet,
    /// Play money.
    Testnet,
}

impl Network {
    /// The phantom agent's `source`.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Mainnet => "a",
            Self::Testnet => "b",
        }
    }
    /// The `hyperliquidChain` of user-signed actions.
    pub const fn chain_name(self) -> &'static str {
        match self {
            Self::Mainnet => "Mainnet",
            Self::Testnet => "Testnet",
        }
    }
}

/// A number as EIP-712 encodes it: 32 bytes, big-endian.
pub fn word_of(value: u64) -> Hash32 {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&value.to_be_bytes());
    word
}

/// The domain separator of `name`, version 1, no contract.
pub fn domain_separator(name: &str, chain_id: u64) -> Hash32 {
    let mut input = [0; 5 * 32];
    input[..32].copy_from_slice(&keccak256(DOMAIN_TYPE.as_bytes()));
    input[32..64].copy_from_slice(&keccak256(name.as_bytes()));
    input[64..96].copy_from_slice(&keccak256(b"1"));
    input[96..128].copy_from_slice(&word_of(chain_id));
    keccak256(&input)
}

/// The digest of a struct in a domain.
pub fn digest_of(domain_separator: &Hash32, struct_hash: &Hash32) -> Hash32 {
    let mut input = [0; 66];
    input[..2].copy_from_slice(&[0x19, 0x01]);
    input[2..34].copy_from_slice(domain_separator);
    input[34..].copy_from_slice(struct_hash);
    keccak256(&input)
}

/// `Agent { source, connectionId }` in the domain `Exchange`: what is signed for an L1 action.
#[derive(Clone, Debug)]
pub struct PhantomAgent {
    domain_separator: Hash32,
    type_hash: Hash32,
    source_hash: Hash32,
}

impl PhantomAgent {
    /// Hashes what all actions of a network have in common.
    pub fn new(network: Network) -> Self {
        Self {
            domain_separator: domain_separator("Exchange", L1_CHAIN_ID),
            type_hash: keccak256(AGENT_TYPE.as_bytes()),
            source_hash: keccak256(network.source().as_bytes()),
        }
    }

    /// The digest to sign for an action's connection id.
    #[inline]
    pub fn digest(&self, connection_id: &Hash32) -> Hash32 {
        let mut agent = [0; 96];
        agent[..32].copy_from_slice(&self.type_hash);
        agent[32..64].copy_from_slice(&self.source_hash);
        agent[64..].copy_from_slice(connection_id);
        digest_of(&self.domain_separator, &keccak256(&agent))
    }
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// PROTOCOL §4.1, the table of constants.
    #[test]
    fn constants_are_those_published() {
        let agent = PhantomAgent::new(Network::Mainnet);
        let testnet = PhantomAgent::new(Network::Testnet);
        let user = |id| domain_separator("HyperliquidSignTransaction", id);
        let cases = [
            (
                agent.domain_separator,
                "d79297fcdf2ffcd4ae223d01edaa2ba214ff8f401d7c9300d995d17c82aa4040",
            ),
            (agent.type_hash, "26f05c2f7239b6983075e58321292d77b3aa173d19b27257ac96ab362570f508"),
            (agent.source_hash, "3ac225168df54212a25c1c01fd35bebfea408fdac2e31ddd6f80a4bbf9a5f1cb"),
            (
                testnet.source_hash,
                "b5553de315e0edf504d9150af82dafa5c4667fa618ed0a6f19c69b41166c5510",
            ),
            (user(0x66eee), "feb1393ca4412a4ca577bd51d04f0a77033514c602f4d0a11490fb95f7428df6"),
            (user(0xa4b1), "2f54e643b38c9c2b65cb731aaf11c54f01705ee0cdf45aea16e2ac0a5ce7531a"),
        ];
        for (hash, expected) in cases {
            assert_eq!(Some(hash), hex::parse(expected));
        }
    }
}
