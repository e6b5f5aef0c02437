//! Where in a model a kernel belongs: the segments of its nodes' names, as exporters write the module that made them.

use crate::measure::profile::Kernel;
use crate::measure::profile::Profile;
use crate::report::clean;

/// Where less than this share of the time has a module, names tell nothing and operators group instead.
const TELLING_SHARE: f64 = 0.3;

/// A kernel's place and its own short name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Place {
    /// Modules from the outside in: `encoder`, `layer.0`.
    pub(super) scope: Vec<String>,
    /// Within them: `conv + relu`.
    pub(super) leaf: String,
}

/// The place of every kernel, and whether scopes are modules of the model (otherwise they are operators).
pub(super) fn places(profile: &Profile) -> (Vec<Place>, bool) {
    let mut places: Vec<Place> = profile.kernels.iter().map(place).collect();
    let total: f64 = profile.kernels.iter().map(|kernel| kernel.seconds).sum();
    let placed: f64 = places
        .iter()
        .zip(&profile.kernels)
        .filter(|(place, _)| !place.scope.is_empty())
        .map(|(_, kernel)| kernel.seconds)
        .sum();
    let modules = total > 0.0 && placed >= TELLING_SHARE * total;
    if !modules {
        for (place, kernel) in places.iter_mut().zip(&profile.kernels) {
            place.leaf = shown_name(kernel);
            place.scope = vec![clean::line(&kernel.op_type, clean::NAME_LENGTH)];
        }
    }
    (places, modules)
}

/// What a kernel is called: the engine's name, or its operator.
pub(super) fn shown_name(kernel: &Kernel) -> String {
    let name = clean::line(&kernel.name, clean::NAME_LENGTH);
    if name.is_empty() {
        clean::line(&kernel.op_type, clean::NAME_LENGTH)
    } else {
        name
    }
}

fn place(kernel: &Kernel) -> Place {
    let names: Vec<&String> = if kernel.nodes.is_empty() {
        vec![&kernel.name]
    } else {
        kernel.nodes.iter().collect()
    };
    let paths: Vec<Vec<String>> = names.into_iter().map(|name| segments(name)).collect();
    let Some(first) = paths.first() else {
        return Place::default();
    };
    let common = (0..first.len().saturating_sub(1))
        .take_while(|depth| {
            paths
                .iter()
                .all(|path| path.len() > depth + 1 && path[*depth] == first[*depth])
        })
        .count();
    let mut leaves: Vec<String> = paths.iter().take(3).map(|path| path[common..].join("/")).collect();
    if paths.len() > 3 {
        leaves.push(format!("{} more", paths.len() - 3));
    }
    let leaf = leaves.join(" + ");
    Place {
        scope: first[..common].to_vec(),
        leaf: if leaf.is_empty() { shown_name(kernel) } else { leaf },
    }
}

fn segments(name: &str) -> Vec<String> {
    let name = clean::line(name, clean::NAME_LENGTH);
    let parts: Vec<String> = name
        .split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    if parts.is_empty() { vec![name] } else { parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(nodes: &[&str]) -> Kernel {
        Kernel {
            name: "fused".to_owned(),
            op_type: "FusedConv".to_owned(),
            domain: String::new(),
            provider: String::new(),
            nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
            seconds: 1.0,
            share: 1.0,
            calls: 1,
            parent: None,
            macs: None,
            bytes: None,
            bound: None,
            output_bytes: None,
        }
    }

    #[test]
    fn nodes_of_one_module_share_its_scope() {
        let found = place(&kernel(&["/features/17/conv", "/features/17/act/relu"]));
        assert_eq!(found.scope, ["features", "17"]);
        assert_eq!(found.leaf, "conv + act/relu");
        assert_eq!(place(&kernel(&["Relu #12"])).scope, Vec::<String>::new());
        assert_eq!(place(&kernel(&[])).leaf, "fused");
        assert_eq!(place(&kernel(&["a/b", "a/c", "a/d", "a/e"])).leaf, "b + c + d + 1 more");
        assert_eq!(place(&kernel(&["///"])).leaf, "///");
    }
}
