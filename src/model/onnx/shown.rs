//! Names out of model files, made fit for messages: a hostile file must not write into the terminal or flood it.

use crate::model::onnx::proto::NodeProto;

/// Past this many characters a name is cut.
const LONGEST: usize = 80;

/// The name in backticks, control and direction characters escaped, cut after 80 characters.
pub fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len().min(LONGEST) + 2);
    text.push('`');
    for (count, character) in name.chars().enumerate() {
        if count == LONGEST {
            text.push('…');
            break;
        }
        match character {
            '`' => text.push('\''),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                text.extend(character.escape_unicode());
            }
            _ if character.is_control() => text.extend(character.escape_default()),
            _ => text.push(character),
        }
    }
    text.push('`');
    text
}

/// A node for messages: `` node `conv1` (Conv) ``, or by its first output where it has no name.
pub fn shown_node(node: &NodeProto) -> String {
    let operator = shown(node.op_type());
    let operator = operator.trim_matches('`');
    match (node.name(), node.output.first()) {
        ("", Some(output)) => format!("node producing {} ({operator})", shown(output)),
        (name, _) => format!("node {} ({operator})", shown(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_harmless() {
        assert_eq!(shown("conv1"), "`conv1`");
        assert_eq!(shown("a\u{1b}[31m`b\n"), "`a\\u{1b}[31m'b\\n`");
        assert_eq!(shown("\u{202e}txt"), "`\\u{202e}txt`");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 83);
    }

    #[test]
    fn nameless_nodes_are_known_by_what_they_make() {
        let mut node = NodeProto {
            op_type: Some("Conv".to_owned()),
            output: vec!["y".to_owned()],
            ..NodeProto::default()
        };
        assert_eq!(shown_node(&node), "node producing `y` (Conv)");
        node.name = Some("conv1".to_owned());
        assert_eq!(shown_node(&node), "node `conv1` (Conv)");
    }
}
