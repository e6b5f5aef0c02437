//! Shares tensors out to sessions: what a session yields lives at once, whatever its engine would free otherwise.

use super::spot::Pair;

/// More tensors than this are not compared.
const MOST_TENSORS: usize = 400;

/// Tensors of this many bytes together come out of one session.
const GROUP_BYTES: u64 = 256 << 20;

/// More sessions than this are not started.
const MOST_GROUPS: usize = 8;

/// What a tensor of unknown size counts as.
const UNKNOWN_BYTES: u64 = 4 << 20;

/// Groups of pairs in the graph's order, and how many found no place.
pub(super) fn groups(found: &[Pair]) -> (Vec<Vec<&Pair>>, usize) {
    let size = |pair: &Pair| pair.before.bytes.unwrap_or(UNKNOWN_BYTES);
    let mut order: Vec<usize> = found
        .iter()
        .enumerate()
        .filter_map(|(index, pair)| (size(pair) <= GROUP_BYTES).then_some(index))
        .collect();
    order.sort_by_key(|index| !found.get(*index).is_some_and(|pair| pair.before.is_heavy));
    order.truncate(MOST_TENSORS);
    order.sort_unstable();
    let mut groups: Vec<Vec<&Pair>> = Vec::new();
    let mut room = 0;
    for pair in order.into_iter().filter_map(|index| found.get(index)) {
        let size = size(pair);
        if size > room {
            if groups.len() == MOST_GROUPS {
                break;
            }
            groups.push(Vec::new());
            room = GROUP_BYTES;
        }
        room -= size;
        if let Some(group) = groups.last_mut() {
            group.push(pair);
        }
    }
    let placed: usize = groups.iter().map(Vec::len).sum();
    (groups, found.len() - placed)
}
