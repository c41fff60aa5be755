//! Agents: keys that may trade for an account.

use super::Venue;
use crate::exchange::model::{Agent, Role};
use crate::exchange::refusal::Refusal;
use botmm_pipeline::types::Nanos;
use botmm_pipeline::venue::hl::sign::Address;

/// Named agents of one account.
const MAX_NAMED: usize = 3;
/// After a removal no agent is approved for this long.
const REMOVAL_PAUSE: Nanos = Nanos::secs(5);
/// How long an agent is valid when nothing is said, and at most (ms).
const DEFAULT_VALIDITY_MS: u64 = 90 * 86_400_000;
const MAX_VALIDITY_MS: u64 = 180 * 86_400_000;

impl Venue {
    /// The account that an address is a valid agent of.
    pub(super) fn agent_of(&self, address: &Address) -> Option<usize> {
        let who = *self.agents.get(address)?;
        let now_ms = self.now_ms();
        let grace_ms = u64::try_from(self.config.agent_grace.as_millis()).unwrap_or(0);
        let valid = |a: &Agent| {
            a.address == *address && now_ms <= a.valid_until_ms.saturating_add(grace_ms)
        };
        self.records.clients[who].agents.iter().any(valid).then_some(who)
    }

    /// What an address is.
    pub(super) fn role_of(&self, address: &Address) -> Role {
        if self.ids.contains_key(address) {
            return Role::User;
        }
        self.agent_of(address)
            .map_or(Role::Missing, |who| Role::Agent(self.records.clients[who].address))
    }

    /// Approves an agent: a name's new agent replaces the old one at once; the zero address removes
    /// it. An address is an agent once in its life, and never one that is an account. A validity
    /// beyond 180 days counts as 180 days.
    pub(super) fn approve_agent(
        &mut self,
        who: usize,
        agent: Address,
        name: Option<&str>,
        valid_until_ms: Option<u64>,
    ) -> Result<(), Refusal> {
        let (now, now_ms) = (self.core.time, self.now_ms());
        let client = &mut self.records.clients[who];
        let same_name = |a: &Agent| a.name.as_deref() == name;
        if agent == Address::default() {
            if let Some(at) = client.agents.iter().position(same_name) {
                let removed = client.agents.remove(at);
                client.removal_until = now + REMOVAL_PAUSE;
                self.forget_agent(removed.address);
            }
            return Ok(());
        }
        if now < client.removal_until {
            return Err(Refusal::AgentPending);
        }
        if self.agents.contains_key(&agent) || self.ids.contains_key(&agent) {
            return Err(Refusal::AgentReuse);
        }
        client.agents.retain(|a| a.valid_until_ms >= now_ms || same_name(a));
        let replaced = client.agents.iter().position(same_name);
        let named = client.agents.iter().filter(|a| a.name.is_some()).count();
        if name.is_some() && replaced.is_none() && named >= MAX_NAMED {
            return Err(Refusal::AgentCount(MAX_NAMED as u64));
        }
        let valid_until_ms =
            valid_until_ms.unwrap_or(now_ms + DEFAULT_VALIDITY_MS).min(now_ms + MAX_VALIDITY_MS);
        let new = Agent { name: name.map(str::to_owned), address: agent, valid_until_ms };
        let old = replaced.map(|at| client.agents.remove(at));
        client.agents.push(new);
        self.agents.insert(agent, who);
        if let Some(old) = old {
            self.forget_agent(old.address);
        }
        Ok(())
    }

    /// It loses its nonces, but its address stays used.
    fn forget_agent(&mut self, address: Address) {
        self.nonces.remove(&address);
    }
}
