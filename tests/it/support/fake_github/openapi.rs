//! GitHub's own description of its API, as judge over every request and every answer.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;

use jsonschema::Draft;
use jsonschema::Validator;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::server::Call;
use super::server::Reply;

/// The one contract of all tests; its validators are compiled once.
pub(super) static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/github/openapi-subset.json");
    Contract {
        document: serde_json::from_slice(&fs::read(path).unwrap()).unwrap(),
        compiled: Mutex::default(),
    }
});

/// Answers that any operation may give, documented there or not.
const ANYWHERE: &[u16] = &[301, 302, 307, 308, 400, 401, 403, 404, 422, 429];

pub(super) struct Contract {
    document: Value,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An operation and the parameters that a path gave it.
pub(super) struct Operation {
    /// Such as `issues/list-comments`.
    pub(super) id: String,
    pub(super) parameters: BTreeMap<String, String>,
    /// JSON pointer to it.
    pointer: String,
}

/// Matches path segments to a template; a multi-segment parameter takes as many as fit.
fn fit(template: &[&str], path: &[&str], multi: &dyn Fn(&str) -> bool, found: &mut BTreeMap<String, String>) -> bool {
    let Some((first, rest)) = template.split_first() else {
        return path.is_empty();
    };
    let Some(name) = first.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
        return path.first() == Some(first) && fit(rest, &path[1..], multi, found);
    };
    let longest = if multi(name) { path.len() } else { path.len().min(1) };
    for taken in 1..=longest {
        let value = path[..taken]
            .iter()
            .map(|part| unescape(part))
            .collect::<Vec<_>>()
            .join("/");
        if !value.is_empty() && fit(rest, &path[taken..], multi, found) {
            found.insert(name.to_owned(), value);
            return true;
        }
    }
    false
}

/// Percent-decoding.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let hex = (*byte == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Contract {
    /// The operation that answers `method` at `path`; literal segments win over parameters.
    pub(super) fn operation(&self, method: &str, path: &str) -> Option<Operation> {
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let paths = self.document["paths"].as_object().unwrap();
        let mut best: Option<(usize, Operation)> = None;
        for (template, methods) in paths {
            let Some(operation) = methods.get(method.to_ascii_lowercase()) else {
                continue;
            };
            let parts: Vec<&str> = template.trim_start_matches('/').split('/').collect();
            let multi = |name: &str| {
                self.parameters(operation)
                    .iter()
                    .any(|parameter| parameter["name"] == name && parameter["x-multi-segment"].as_bool() == Some(true))
            };
            let mut parameters = BTreeMap::new();
            if !fit(&parts, &segments, &multi, &mut parameters) {
                continue;
            }
            let literal = parts.iter().filter(|part| !part.starts_with('{')).count();
            if best.as_ref().is_none_or(|(most, _)| literal > *most) {
                let escaped = template.replace('~', "~0").replace('/', "~1");
                let pointer = format!("/paths/{escaped}/{}", method.to_ascii_lowercase());
                let id = operation["operationId"].as_str().unwrap().to_owned();
                best = Some((
                    literal,
                    Operation {
                        id,
                        parameters,
                        pointer,
                    },
                ));
            }
        }
        best.map(|(_, operation)| operation)
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    fn parameters<'a>(&'a self, operation: &'a Value) -> Vec<&'a Value> {
        let listed = operation["parameters"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        listed.iter().map(|parameter| self.resolve(parameter)).collect()
    }

    /// What is wrong with a request.
    pub(super) fn judge_request(&self, operation: &Operation, call: &Call) -> Vec<String> {
        let described = self.document.pointer(&operation.pointer).unwrap();
        let parameters = self.parameters(described);
        let mut wrong = Vec::new();
        for (place, values) in [("path", &operation.parameters), ("query", &call.query)] {
            let known: Vec<&&Value> = parameters.iter().filter(|parameter| parameter["in"] == place).collect();
            for parameter in &known {
                let name = parameter["name"].as_str().unwrap();
                match values.get(name) {
                    Some(value) => wrong.extend(self.judge_parameter(operation, parameter, name, value)),
                    None if parameter["required"] == true => {
                        wrong.push(format!("{place} parameter `{name}` is missing"))
                    }
                    None => {}
                }
            }
            for name in values
                .keys()
                .filter(|name| known.iter().all(|parameter| parameter["name"] != name.as_str()))
            {
                wrong.push(format!("unknown {place} parameter `{name}`"));
            }
        }
        if call.header("user-agent").is_none_or(str::is_empty) {
            wrong.push("no user agent".to_owned());
        }
        if call.header("accept").is_none_or(str::is_empty) {
            wrong.push("no accepted media type".to_owned());
        }
        if call.header("x-github-api-version").is_none() {
            wrong.push("no API version".to_owned());
        }
        let contents = described.get("requestBody").map(|body| &self.resolve(body)["content"]);
        wrong.extend(self.judge_body(operation, contents, call));
        wrong
    }

    fn judge_parameter(&self, operation: &Operation, parameter: &Value, name: &str, value: &str) -> Vec<String> {
        let typed = match parameter["schema"]["type"].as_str() {
            Some("integer") => value.parse::<i64>().map(Value::from).unwrap_or(value.into()),
            Some("boolean") => value.parse::<bool>().map(Value::from).unwrap_or(value.into()),
            _ => value.into(),
        };
        let key = format!("{}#{name}", operation.pointer);
        self.validate(&key, &parameter["schema"], true, &typed, &format!("parameter `{name}`"))
    }

    fn judge_body(&self, operation: &Operation, contents: Option<&Value>, call: &Call) -> Vec<String> {
        let Some(contents) = contents else {
            return if call.body.is_empty() {
                Vec::new()
            } else {
                vec!["a body where none belongs".to_owned()]
            };
        };
        let media = call.header("content-type").unwrap_or_default();
        let Some(content) = contents.get(media) else {
            return vec![format!("content type `{media}` is not taken")];
        };
        if media != "application/json" {
            return Vec::new();
        }
        match serde_json::from_slice(&call.body) {
            Ok(body) => {
                let key = format!("{}#body", operation.pointer);
                self.validate(&key, &content["schema"], true, &body, "body")
            }
            Err(error) => vec![format!("the body is not JSON: {error}")],
        }
    }

    /// What is wrong with an answer.
    pub(super) fn judge_reply(&self, operation: &Operation, reply: &Reply) -> Vec<String> {
        let described = &self.document.pointer(&operation.pointer).unwrap()["responses"];
        let status = reply.status.to_string();
        let Some(response) = described.get(&status).map(|response| self.resolve(response)) else {
            return if ANYWHERE.contains(&reply.status) || reply.status >= 500 {
                Vec::new()
            } else {
                vec![format!("status {status} is not documented")]
            };
        };
        let Some(schema) = response.pointer("/content/application~1json/schema") else {
            let bare = matches!(reply.status, 204 | 302) && !reply.body.is_empty();
            return if bare {
                vec![format!("status {status} with a body")]
            } else {
                Vec::new()
            };
        };
        // Media types other than JSON are described in prose only.
        if reply.content_type != "application/json; charset=utf-8" {
            return Vec::new();
        }
        match serde_json::from_slice(&reply.body) {
            Ok(body) => {
                let key = format!("{}#{status}", operation.pointer);
                self.validate(&key, schema, false, &body, "answer")
            }
            Err(error) => vec![format!("the answer is not JSON: {error}")],
        }
    }

    fn validate(&self, key: &str, schema: &Value, closed: bool, value: &Value, what: &str) -> Vec<String> {
        let validator = {
            let mut compiled = self.compiled.lock().unwrap();
            let entry = compiled.entry(key.to_owned());
            entry.or_insert_with(|| Arc::new(self.compile(schema, closed))).clone()
        };
        let describe = |error: jsonschema::ValidationError<'_>| {
            format!(
                "{what} at `{}`: {}",
                error.instance_path(),
                error.to_string().chars().take(300).collect::<String>()
            )
        };
        validator.iter_errors(value).map(describe).collect()
    }

    fn compile(&self, schema: &Value, closed: bool) -> Validator {
        // References point to `#/components/…`, so the components come along.
        let whole = json!({
            "components": { "schemas": convert(&self.document["components"]["schemas"], false) },
            "allOf": [convert(schema, closed)],
        });
        jsonschema::options()
            .with_draft(Draft::Draft4)
            .should_validate_formats(true)
            .build(&whole)
            .unwrap()
    }
}

/// OpenAPI 3.0's dialect as JSON Schema draft 4: `nullable` becomes a type. A closed schema takes no property that it does
/// not name, because GitHub silently ignores those.
fn convert(schema: &Value, closed: bool) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| convert(item, false)).collect(),
        Value::Object(object) => {
            let mut plain = Map::new();
            for (key, value) in object.iter().filter(|(key, _)| *key != "nullable") {
                let inner = match key.as_str() {
                    // Names of properties, not keywords.
                    "properties" => {
                        let named = value.as_object().unwrap().iter();
                        named
                            .map(|(name, value)| (name.clone(), convert(value, closed)))
                            .collect()
                    }
                    "items" => convert(value, closed),
                    "enum" | "required" | "example" | "default" => value.clone(),
                    _ => convert(value, false),
                };
                plain.insert(key.clone(), inner);
            }
            if closed && plain.contains_key("properties") && !plain.contains_key("additionalProperties") {
                plain.insert("additionalProperties".to_owned(), false.into());
            }
            if object.get("nullable") == Some(&Value::Bool(true)) {
                return json!({ "anyOf": [{ "type": "null" }, plain] });
            }
            Value::Object(plain)
        }
        other => other.clone(),
    }
}
