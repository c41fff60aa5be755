//! Actions that the account itself signs, as typed data (PROTOCOL §4.2): moving money, and approving
//! the agents that sign everything else. Rare, so nothing here is prepared or reused.

use super::action::Encode;
use super::eip712::{Hash32, Network, digest_of, domain_separator, keccak256, word_of};
use super::generic::{GenericError, Plain, plain_fields};
use super::hex;
use super::key::{Address, Signer};
use super::request::{Envelope, write_body};
use super::writer::WireWriter;

/// The chain id that official clients sign user actions with; any would do that the action names.
const SIGNATURE_CHAIN_ID: u64 = 0x66eee;
const SIGNATURE_CHAIN_TEXT: &str = "0x66eee";
/// Longest agent name that we sign.
const MAX_AGENT_NAME: usize = 64;

/// A kind of user-signed action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserKind {
    /// The action's `type`.
    pub action: &'static str,
    /// The struct in EIP-712's notation: its members are keys of the action.
    pub encode_type: &'static str,
}

/// Every kind we can sign.
pub static USER_KINDS: [UserKind; 7] = [
    kind(
        "approveAgent",
        "HyperliquidTransaction:ApproveAgent(string hyperliquidChain,address agentAddress,\
         string agentName,uint64 nonce)",
    ),
    kind(
        "approveBuilderFee",
        "HyperliquidTransaction:ApproveBuilderFee(string hyperliquidChain,string maxFeeRate,\
         address builder,uint64 nonce)",
    ),
    kind(
        "usdClassTransfer",
        "HyperliquidTransaction:UsdClassTransfer(string hyperliquidChain,string amount,\
         bool toPerp,uint64 nonce)",
    ),
    kind(
        "usdSend",
        "HyperliquidTransaction:UsdSend(string hyperliquidChain,string destination,\
         string amount,uint64 time)",
    ),
    kind(
        "withdraw3",
        "HyperliquidTransaction:Withdraw(string hyperliquidChain,string destination,\
         string amount,uint64 time)",
    ),
    kind(
        "spotSend",
        "HyperliquidTransaction:SpotSend(string hyperliquidChain,string destination,\
         string token,string amount,uint64 time)",
    ),
    kind(
        "sendAsset",
        "HyperliquidTransaction:SendAsset(string hyperliquidChain,string destination,\
         string sourceDex,string destinationDex,string token,string amount,\
         string fromSubAccount,uint64 nonce)",
    ),
];

const fn kind(action: &'static str, encode_type: &'static str) -> UserKind {
    UserKind { action, encode_type }
}

/// Why a user-signed action has no digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserError {
    /// The JSON text is of no use.
    Json(GenericError),
    /// No `type` that the account signs.
    UnknownType,
    /// A member of the struct that is not there, or not of its type.
    Field(String),
    /// An agent's name that would need escaping, or is too long.
    AgentName,
}

impl core::fmt::Display for UserError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Json(e) => e.fmt(f),
            Self::UnknownType => f.write_str("no type that an account signs"),
            Self::Field(name) => write!(f, "{name} is missing, or not what it should be"),
            Self::AgentName => write!(
                f,
                "agent name: 1 to {MAX_AGENT_NAME} printable ASCII characters, no quotes or backslashes"
            ),
        }
    }
}

impl std::error::Error for UserError {}

impl UserKind {
    /// By the action's `type`.
    pub fn by_action(action: &str) -> Option<&'static Self> {
        USER_KINDS.iter().find(|k| k.action == action)
    }

    /// By the struct's name (`HyperliquidTransaction:UsdSend`).
    pub fn by_primary_type(name: &str) -> Option<&'static Self> {
        USER_KINDS.iter().find(|k| k.encode_type.split('(').next() == Some(name))
    }

    /// Type and name of each member.
    fn members(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let list = self.encode_type.split_once('(').map_or("", |(_, list)| list);
        list.trim_end_matches(')').split(',').filter_map(|member| member.split_once(' '))
    }

    /// The hash of the struct whose members are these fields.
    fn struct_hash(&self, field: impl Fn(&str) -> Option<Plain>) -> Result<Hash32, UserError> {
        let mut input = keccak256(self.encode_type.as_bytes()).to_vec();
        for (kind, name) in self.members() {
            let word = match (kind, field(name)) {
                ("string", Some(Plain::Text(text))) => Some(keccak256(text.as_bytes())),
                ("address", Some(Plain::Text(text))) => Address::parse(&text).map(|address| {
                    let mut word = [0; 32];
                    word[12..].copy_from_slice(address.as_bytes());
                    word
                }),
                ("bool", Some(Plain::Flag(flag))) => Some(word_of(u64::from(flag))),
                ("uint64", Some(Plain::Uint(value))) => Some(word_of(value)),
                _ => None,
            };
            input.extend(word.ok_or_else(|| UserError::Field(name.to_owned()))?);
        }
        Ok(keccak256(&input))
    }

    fn digest_of(
        &self,
        chain_id: u64,
        field: impl Fn(&str) -> Option<Plain>,
    ) -> Result<Hash32, UserError> {
        let domain = domain_separator("HyperliquidSignTransaction", chain_id);
        Ok(digest_of(&domain, &self.struct_hash(field)?))
    }

    /// The digest to sign for an action given as JSON text; its `signatureChainId` names the domain.
    /// An agent without a name is signed with an empty one.
    pub fn digest(&self, json: &[u8]) -> Result<Hash32, UserError> {
        let fields = plain_fields(json).map_err(UserError::Json)?;
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| key == name).map(|(_, v)| v.clone());
            found.or_else(|| (name == "agentName").then(|| Plain::Text(String::new())))
        };
        let chain_id = match field("signatureChainId") {
            Some(Plain::Text(text)) => chain_id(&text),
            _ => None,
        };
        let chain_id = chain_id.ok_or_else(|| UserError::Field("signatureChainId".to_owned()))?;
        self.digest_of(chain_id, field)
    }
}

/// `0x66eee`, as a number.
fn chain_id(text: &str) -> Option<u64> {
    let number = hex::parse_number(text)?;
    let (high, low) = number.split_at(24);
    let low: [u8; 8] = low.try_into().ok()?;
    high.iter().all(|b| *b == 0).then(|| u64::from_be_bytes(low))
}

/// Lets another key sign every L1 action of the account, but move no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApproveAgent<'a> {
    agent: Address,
    name: Option<&'a str>,
    nonce: u64,
    network: Network,
}

impl<'a> ApproveAgent<'a> {
    /// A name replaces the agent of that name, no name the unnamed one; ` valid_until MS` at its end
    /// sets an expiry. The nonce is also the envelope's, which has neither vault nor expiry.
    pub fn new(
        agent: Address,
        name: Option<&'a str>,
        nonce: u64,
        network: Network,
    ) -> Result<Self, UserError> {
        let needs_no_escape = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
        match name {
            Some(n) if n.is_empty() || n.len() > MAX_AGENT_NAME => Err(UserError::AgentName),
            Some(n) if !n.bytes().all(needs_no_escape) => Err(UserError::AgentName),
            _ => Ok(Self { agent, name, nonce, network }),
        }
    }

    /// The digest that the account signs.
    pub fn digest(&self) -> Result<Hash32, UserError> {
        USER_KINDS[0].digest_of(SIGNATURE_CHAIN_ID, |name| match name {
            "hyperliquidChain" => Some(Plain::Text(self.network.chain_name().to_owned())),
            "agentAddress" => Some(Plain::Text(self.agent.to_string())),
            "agentName" => Some(Plain::Text(self.name.unwrap_or_default().to_owned())),
            "nonce" => Some(Plain::Uint(self.nonce)),
            _ => None,
        })
    }

    /// The body of the request in which the account approves it.
    pub fn signed_body(&self, account: &Signer) -> Result<Vec<u8>, UserError> {
        let signature = account.sign(&self.digest()?);
        let envelope = Envelope { nonce: self.nonce, ..Envelope::default() };
        let mut body = Vec::new();
        write_body(self, &envelope, &signature, &mut body);
        Ok(body)
    }
}

/// For the JSON body; user-signed actions have no msgpack.
impl Encode for ApproveAgent<'_> {
    fn encode<W: WireWriter>(&self, w: &mut W) {
        w.begin_map(5 + usize::from(self.name.is_some()));
        w.key("type");
        w.word("approveAgent");
        w.key("agentAddress");
        w.hex(self.agent.as_bytes());
        if let Some(name) = self.name {
            w.key("agentName");
            w.word(name);
        }
        w.key("nonce");
        w.uint(self.nonce);
        w.key("signatureChainId");
        w.word(SIGNATURE_CHAIN_TEXT);
        w.key("hyperliquidChain");
        w.word(self.network.chain_name());
        w.end_map();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_escaping_are_refused() {
        let approve = |name| ApproveAgent::new(Address::default(), name, 1, Network::Mainnet);
        assert!(approve(Some("mmbot valid_until 1795446000000")).is_ok());
        assert!(approve(None).is_ok());
        let long = "x".repeat(65);
        for bad in ["", "a\"b", "a\\b", "a\nb", "é", &long] {
            assert_eq!(approve(Some(bad)), Err(UserError::AgentName), "{bad}");
        }
    }

    #[test]
    fn faults_name_the_field() {
        let kind = UserKind::by_action("usdSend").unwrap();
        let error = |json: &str| kind.digest(json.as_bytes()).unwrap_err();
        let field = |name: &str| UserError::Field(name.to_owned());
        let all = r#"{"signatureChainId":"0x66eee","hyperliquidChain":"Mainnet","destination":"0x1","amount":"1","time":5}"#;
        assert!(kind.digest(all.as_bytes()).is_ok());
        assert_eq!(error(&all.replace("0x66eee", "66eee")), field("signatureChainId"));
        assert_eq!(
            error(&all.replace("0x66eee", "0x10000000000000000")),
            field("signatureChainId")
        );
        assert_eq!(error(&all.replace("\"1\"", "1")), field("amount"));
        assert_eq!(error(&all.replace(":5", ":\"5\"")), field("time"));
        assert_eq!(error("[]"), UserError::Json(GenericError::NotAnObject));
        assert!(UserKind::by_action("order").is_none());
    }
}
