//! Functions of a model and who calls whom: engines replace each call by the function's body, so that a function that calls
//! itself never ends, and thirty functions that call the one before twice become a thousand million nodes.

use std::collections::HashMap;

use crate::model::onnx::proto::FunctionProto;
use crate::model::onnx::proto::ModelProto;
use crate::model::onnx::proto::NodeProto;
use crate::model::onnx::scan::MAX_INLINED;
use crate::model::onnx::scan::Violation;
use crate::model::onnx::shown::shown;
use crate::model::onnx::visit;
use crate::model::onnx::visit::Body;

/// Domain, name and overload: what a call and a function must agree on.
type Key<'a> = (&'a str, &'a str, &'a str);

/// One function: how many nodes it has itself, and which functions it calls, as often as it calls them.
#[derive(Default)]
struct Callee {
    nodes: u64,
    calls: Vec<usize>,
}

/// Refuses functions that call themselves, directly or through others, models that grow past a limit once calls are replaced,
/// and two functions of one name.
pub(crate) fn check(model: &ModelProto) -> Result<(), Violation> {
    let mut numbers = HashMap::new();
    for (number, function) in model.functions.iter().enumerate() {
        if numbers.insert(key(function), number).is_some() {
            return Err(Violation::new(place(function), "stands twice"));
        }
    }
    if numbers.is_empty() {
        return Ok(());
    }
    let mut callees: Vec<Callee> = model.functions.iter().map(|_| Callee::default()).collect();
    let mut main = Callee::default();
    let scopes = visit::scopes(model);
    // Functions come in the order of the model, after the graphs; a subgraph belongs to the function around it.
    let mut owners: Vec<Option<usize>> = Vec::with_capacity(scopes.len());
    for scope in &scopes {
        let owner = match (scope.body, scope.parent) {
            (Body::Function(function), _) => numbers.get(&key(function)).copied(),
            (Body::Graph(_), Some(parent)) => owners.get(parent).copied().flatten(),
            (Body::Graph(_), None) => None,
        };
        owners.push(owner);
        let callee = owner.and_then(|owner| callees.get_mut(owner)).unwrap_or(&mut main);
        callee.nodes += scope.nodes().len() as u64;
        let called = scope.nodes().iter().filter_map(|node| numbers.get(&called(node)));
        callee.calls.extend(called);
    }
    let sizes = inlined(&callees).map_err(|number| {
        let place = model.functions.get(number).map(place).unwrap_or_default();
        Violation::new(place, "calls itself, directly or through other functions")
    })?;
    let total = main.calls.iter().fold(main.nodes, |sum, number| {
        sum.saturating_add(sizes.get(*number).copied().unwrap_or_default())
    });
    let largest = sizes.iter().copied().max().unwrap_or_default().max(total);
    if largest > MAX_INLINED {
        let problem = format!("grows past {MAX_INLINED} nodes once calls of functions are replaced by their bodies");
        return Err(Violation::new("the model", problem));
    }
    Ok(())
}

/// Nodes of each function once its calls are replaced; the error is a function that calls itself. Callees before callers, without
/// recursion (Kahn's algorithm), since chains may be as long as the file.
fn inlined(callees: &[Callee]) -> Result<Vec<u64>, usize> {
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); callees.len()];
    let mut waiting: Vec<usize> = callees.iter().map(|callee| callee.calls.len()).collect();
    for (caller, callee) in callees.iter().enumerate() {
        for called in &callee.calls {
            callers[*called].push(caller);
        }
    }
    let mut sizes: Vec<u64> = callees.iter().map(|callee| callee.nodes).collect();
    let mut ready: Vec<usize> = (0..callees.len()).filter(|number| waiting[*number] == 0).collect();
    while let Some(done) = ready.pop() {
        for caller in &callers[done] {
            sizes[*caller] = sizes[*caller].saturating_add(sizes[done]);
            waiting[*caller] -= 1;
            if waiting[*caller] == 0 {
                ready.push(*caller);
            }
        }
    }
    match waiting.iter().position(|left| *left > 0) {
        Some(number) => Err(number),
        None => Ok(sizes),
    }
}

fn key(function: &FunctionProto) -> Key<'_> {
    (function.domain(), function.name(), function.overload())
}

fn called(node: &NodeProto) -> Key<'_> {
    (node.domain(), node.op_type(), node.overload())
}

fn place(function: &FunctionProto) -> String {
    format!("function {}", shown(function.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::proto::GraphProto;

    fn call(name: &str) -> NodeProto {
        NodeProto {
            op_type: Some(name.to_owned()),
            domain: Some("local".to_owned()),
            ..NodeProto::default()
        }
    }

    fn function(name: &str, calls: &[&str]) -> FunctionProto {
        FunctionProto {
            name: Some(name.to_owned()),
            domain: Some("local".to_owned()),
            node: calls.iter().map(|name| call(name)).collect(),
            ..FunctionProto::default()
        }
    }

    fn model(functions: Vec<FunctionProto>) -> ModelProto {
        let graph = GraphProto {
            node: vec![call("f0")],
            ..GraphProto::default()
        };
        ModelProto {
            graph: Some(graph),
            functions,
            ..ModelProto::default()
        }
    }

    #[test]
    fn functions_may_call_others() {
        let model = model(vec![function("f0", &["f1", "f1"]), function("f1", &["Relu"])]);
        assert_eq!(check(&model), Ok(()));
    }

    #[test]
    fn circles_are_refused() {
        for functions in [
            vec![function("f0", &["f0"])],
            vec![
                function("f0", &["f1"]),
                function("f1", &["f2"]),
                function("f2", &["f0"]),
            ],
        ] {
            let error = check(&model(functions)).unwrap_err().to_string();
            assert_eq!(error, "function `f0` calls itself, directly or through other functions");
        }
    }

    #[test]
    fn doubling_is_refused_and_long_chains_are_not() {
        let names: Vec<String> = (0..=2000).map(|number| format!("f{number}")).collect();
        let chain = |times: usize, length: usize| -> Vec<FunctionProto> {
            (0..length)
                .map(|number| function(&names[number], &vec![names[number + 1].as_str(); times]))
                .collect()
        };
        assert!(
            check(&model(chain(2, 70)))
                .unwrap_err()
                .to_string()
                .contains("grows past")
        );
        assert_eq!(check(&model(chain(1, 1000))), Ok(()));
    }

    #[test]
    fn two_functions_of_one_name_are_refused() {
        let error = check(&model(vec![function("f0", &[]), function("f0", &[])])).unwrap_err();
        assert_eq!(error.to_string(), "function `f0` stands twice");
    }
}
