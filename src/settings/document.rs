//! TOML text → a table, with the line of every key, and amounts of money kept as the text that was
//! typed (a float would round them before anyone could object).

use super::error::ConfigError;
use super::origins::{Origins, join};
use super::spec;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// One parsed file.
pub(super) struct Document {
    /// Its keys.
    pub table: Table,
    /// `FILE:LINE` of each.
    pub origins: Origins,
}

impl Document {
    /// Parses `text`; `name` is what messages call the file.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let parsed = DeTable::parse(text).map_err(|e| {
            let place = match e.span() {
                Some(span) => format!("{name}:{}", line_of(text, span.start)),
                None => name.to_owned(),
            };
            ConfigError::general(place, format!("not valid TOML: {}", e.message()))
        })?;
        let mut reader = Reader { name, text, origins: Origins::new() };
        let table = reader.table(parsed.get_ref(), "")?;
        Ok(Self { table, origins: reader.origins })
    }
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
    origins: Origins,
}

impl Reader<'_> {
    fn table(&mut self, from: &DeTable<'_>, path: &str) -> Result<Table, ConfigError> {
        let mut table = Table::new();
        for (key, value) in from {
            let key_path = join(path, key.get_ref());
            let place = format!("{}:{}", self.name, line_of(self.text, key.span().start));
            self.origins.insert(key_path.clone(), place);
            let value = self.value(value, &key_path, spec::is_exact(key.get_ref()))?;
            table.insert(key.get_ref().to_string(), value);
        }
        Ok(table)
    }

    fn value(
        &mut self,
        from: &Spanned<DeValue<'_>>,
        path: &str,
        exact: bool,
    ) -> Result<Value, ConfigError> {
        Ok(match from.get_ref() {
            DeValue::String(s) => Value::String(s.to_string()),
            DeValue::Boolean(b) => Value::Boolean(*b),
            DeValue::Datetime(d) => Value::Datetime(*d),
            DeValue::Integer(i) => match i64::from_str_radix(i.as_str(), i.radix()) {
                Ok(i) => Value::Integer(i),
                Err(_) => return Err(self.bad_number(from, path)),
            },
            DeValue::Float(f) if exact => Value::String(f.as_str().to_owned()),
            DeValue::Float(f) => match f.as_str().parse() {
                Ok(f) => Value::Float(f),
                Err(_) => return Err(self.bad_number(from, path)),
            },
            DeValue::Array(items) => {
                let mut array = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    array.push(self.value(item, &format!("{path}[{i}]"), exact)?);
                }
                Value::Array(array)
            }
            DeValue::Table(t) => Value::Table(self.table(t, path)?),
        })
    }

    fn bad_number(&self, at: &Spanned<DeValue<'_>>, path: &str) -> ConfigError {
        let place = format!("{}:{}", self.name, line_of(self.text, at.span().start));
        let text = self.text.get(at.span()).unwrap_or_default();
        ConfigError::at(place, path, format!("{text} is too large for a number"))
    }
}

/// Lays `over` on top of `base`: tables are merged, everything else is replaced.
pub(super) fn merge(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_exact_money() {
        let text = "[defaults.risk]\r\n\r\ncapital_usd = 0.1_0\nlarge_move_pct = 1.5\n";
        let doc = Document::parse("a.toml", text).unwrap();
        assert_eq!(doc.origins["defaults.risk.capital_usd"], "a.toml:3");
        assert_eq!(doc.origins["defaults.risk.large_move_pct"], "a.toml:4");
        let risk = doc.table["defaults"]["risk"].as_table().unwrap();
        assert_eq!(risk["capital_usd"].as_str(), Some("0.10"));
        assert_eq!(risk["large_move_pct"].as_float(), Some(1.5));
    }

    #[test]
    fn syntax_errors_name_the_line() {
        let e = Document::parse("a.toml", "[general]\nseed = \n").err().unwrap();
        assert!(e.to_string().starts_with("a.toml:2: not valid TOML: "), "{e}");
        let e = Document::parse("a.toml", "seed = 99999999999999999999").err().unwrap();
        assert!(e.to_string().contains("too large"), "{e}");
        let e = Document::parse("a.toml", "seed = 1\nseed = 2").err().unwrap();
        assert!(e.to_string().starts_with("a.toml:2: "), "{e}");
    }
}
