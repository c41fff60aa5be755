//! Answers to posts (PROTOCOL §3, §5.3).

use super::error::{Fault, UserError};
use super::event::{ItemStatus, UserEvent, Via};
use super::json::{Numbers, Value};
use super::read::{Done, Reader};
use super::reason::{ItemError, RequestError};
use super::text::VenueText;

impl Reader<'_> {
    /// `{"id":…,"response":{"type":…,"payload":…}}`
    pub fn post(&mut self, data: Value) -> Done {
        let [id, response] = data.keys(["id", "response"])?;
        let id = id.unsigned()?;
        self.response(id, response).map_err(|e| e.of_post(id))
    }

    fn response(&mut self, id: u64, response: Value) -> Done {
        let [kind, payload] = response.keys(["type", "payload"])?;
        match kind.text()? {
            "action" => self.action(id, payload),
            "info" => self.info(id, payload),
            "error" => self.failed(id, payload),
            word => {
                self.unknown("type", word);
                self.emit(UserEvent::AnswerUnread { id })
            }
        }
    }

    /// `"429 Too Many Requests"`
    fn failed(&mut self, id: u64, payload: Value) -> Done {
        let text = payload.text().unwrap_or("");
        let status = text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
        self.emit(UserEvent::PostFailed { id, status, text: VenueText::new(text) })
    }

    fn action(&mut self, id: u64, payload: Value) -> Done {
        let [status, response] = payload.keys(["status", "response"])?;
        match status.text()? {
            "ok" => self.executed(id, response),
            "err" => {
                let text = response.text()?;
                let (reason, text) = (RequestError::of(text), VenueText::new(text));
                self.emit(UserEvent::PostRefused { id, reason, text })
            }
            _ => Err(status.error(Fault::BadWord)),
        }
    }

    /// `{"type":…,"data":{"statuses":[…]}}`. Most actions have no data, a few others one `status`;
    /// orders and cancels always have a list.
    fn executed(&mut self, id: u64, response: Value) -> Done {
        let [kind, data] = response.keys(["type", "data"])?;
        let needs_list = matches!(kind.text()?, "order" | "cancel");
        let mut items = 0;
        match data.keys(["statuses", "status"]) {
            Ok([_, one]) if one.present().is_some() => {
                self.item(id, items, one)?;
                items += 1;
            }
            Ok([all, _]) if needs_list || all.present().is_some() => {
                for status in all.items()? {
                    self.item(id, items, status)?;
                    items += 1;
                }
            }
            Err(e) if needs_list => return Err(e),
            _ => {}
        }
        self.emit(UserEvent::PostDone { id, items })
    }

    fn item(&mut self, id: u64, index: u32, v: Value) -> Done {
        let status = match v.text() {
            Ok("success") => ItemStatus::Success,
            Ok("waitingForFill" | "waitingForTrigger") => ItemStatus::Waiting,
            Ok(word) => {
                self.unknown("statuses", word);
                ItemStatus::Unknown
            }
            Err(_) => self.item_object(v)?,
        };
        self.emit(UserEvent::PostItem { id, index, status })
    }

    fn item_object(&mut self, v: Value) -> Result<ItemStatus, UserError> {
        let [resting, filled, error] = v.keys(["resting", "filled", "error"])?;
        if let Some(error) = error.present() {
            return Ok(ItemStatus::Error(ItemError::of(error.text()?)));
        }
        if let Some(filled) = filled.present() {
            let [oid, total, avg_px] = filled.keys(["oid", "totalSz", "avgPx"])?;
            return Ok(ItemStatus::Filled {
                oid: oid.oid()?,
                total: Numbers::Sound.qty(total)?,
                avg_px: Numbers::Sound.px(avg_px)?,
            });
        }
        if let Some(resting) = resting.present() {
            let [oid] = resting.keys(["oid"])?;
            return Ok(ItemStatus::Resting { oid: oid.oid()? });
        }
        self.unknown("statuses", "an object that is neither resting, filled nor error");
        Ok(ItemStatus::Unknown)
    }

    /// `{"type":…,"data":…}` where the data is as in an answer of `/info`.
    fn info(&mut self, id: u64, payload: Value) -> Done {
        let Some(payload) = payload.present() else {
            return self.emit(UserEvent::InfoEmpty { id });
        };
        let [kind, data] = payload.keys(["type", "data"])?;
        let kind = kind.text()?;
        let Some(data) = data.present() else {
            return self.emit(UserEvent::InfoEmpty { id });
        };
        let via = Via::Answer { id };
        match kind {
            "openOrders" | "frontendOpenOrders" => self.open_orders(data, Some(id)),
            "orderStatus" => self.order_status(id, data),
            "userFills" | "userFillsByTime" => self.fills(data, via),
            "userFunding" => self.fundings(data, via),
            "clearinghouseState" => self.clearinghouse(data, Some(id)),
            "userRateLimit" => {
                let [used, cap] = data.keys(["nRequestsUsed", "nRequestsCap"])?;
                let (used, cap) = (used.unsigned()?, cap.unsigned()?);
                self.emit(UserEvent::RateLimit { id, used, cap })
            }
            _ => self.emit(UserEvent::AnswerUnread { id }),
        }
    }

    fn order_status(&mut self, id: u64, data: Value) -> Done {
        let [status, order] = data.keys(["status", "order"])?;
        let found = match status.text()? {
            "order" => Some(self.order_state(order)?),
            "unknownOid" => None,
            _ => return Err(status.error(Fault::BadWord)),
        };
        self.emit(UserEvent::OrderStatus { id, found })
    }
}
