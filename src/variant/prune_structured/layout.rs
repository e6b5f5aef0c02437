//! How channels lie along one axis of a value, and which channels must go or stay together.

/// A run of channels along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The set of channels, in [`Channels`].
    pub(super) set: usize,
    /// How many channels it has.
    pub(super) size: usize,
    /// How many neighbouring indices each channel takes.
    pub(super) repeat: usize,
}

/// Which axis the channels lie along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// That one, of so many.
    Of {
        /// Counted from 0.
        axis: usize,
        /// The number of axes, more than `axis`.
        rank: usize,
    },
    /// The last one; it is not known of how many.
    Last,
}

impl Axis {
    /// Its place counted from the end: 1 for the last axis.
    pub(super) fn places_from_end(self) -> usize {
        match self {
            Self::Of { axis, rank } => rank.saturating_sub(axis),
            Self::Last => 1,
        }
    }

    /// True for the last axis.
    pub(super) fn is_last(self) -> bool {
        self.places_from_end() == 1
    }

    /// The second axis, channels of images and sequences, with the number of axes.
    pub(super) fn second(self) -> Option<usize> {
        match self {
            Self::Of { axis: 1, rank } => Some(rank),
            Self::Of { .. } | Self::Last => None,
        }
    }
}

/// The channels of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// In the order of the axis.
    pub(super) parts: Vec<Part>,
    /// The axis.
    pub(super) axis: Axis,
    /// True where each index became several, as many for each, by flattening; how many is not known.
    pub(super) spread: bool,
    /// True of what comes from outside and can't change.
    pub(super) fixed: bool,
}

impl Layout {
    /// One set of channels along an axis.
    pub(super) fn of(set: usize, size: usize, axis: Axis) -> Self {
        Self {
            parts: vec![Part { set, size, repeat: 1 }],
            axis,
            spread: false,
            fixed: false,
        }
    }

    /// The same along another axis.
    pub(super) fn along(mut self, axis: Axis) -> Self {
        self.axis = axis;
        self
    }

    /// The axis' length, before spreading.
    pub(super) fn length(&self) -> usize {
        let lengths = self.parts.iter().map(|part| part.size.saturating_mul(part.repeat));
        lengths.fold(0, usize::saturating_add)
    }

    /// The parts, where the axis is that long; `None` where it can't be.
    pub(super) fn expanded(&self, length: usize) -> Option<Vec<Part>> {
        let own = self.length();
        if !self.spread {
            return (own == length).then(|| self.parts.clone());
        }
        let times = length
            .checked_div(own)
            .filter(|times| times * own == length && *times > 0)?;
        Some(repeated(&self.parts, times))
    }
}

/// The parts with each index `times` times.
pub(super) fn repeated(parts: &[Part], times: usize) -> Vec<Part> {
    parts
        .iter()
        .map(|part| Part {
            repeat: part.repeat.saturating_mul(times),
            ..*part
        })
        .collect()
}

/// Sets of channels; joined ones are pruned alike.
#[derive(Debug, Default)]
pub(super) struct Channels {
    parents: Vec<usize>,
    sizes: Vec<usize>,
    blocked: Vec<Option<String>>,
    summed: Vec<bool>,
}

impl Channels {
    /// A new set.
    pub(super) fn add(&mut self, size: usize) -> usize {
        self.parents.push(self.parents.len());
        self.sizes.push(size);
        self.blocked.push(None);
        self.summed.push(false);
        self.parents.len() - 1
    }

    /// The set that stands for all that are joined with `set`.
    pub(super) fn root(&self, set: usize) -> usize {
        let mut at = set;
        while let Some(parent) = self.parents.get(at).filter(|parent| **parent != at) {
            at = *parent;
        }
        at
    }

    /// Has both pruned alike.
    pub(super) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        let (first, second) = (one.min(other), one.max(other));
        if first == second {
            return;
        }
        let (is_sum, reason) = (self.is_sum(second), self.blocked.get(second).cloned().flatten());
        if let Some(parent) = self.parents.get_mut(second) {
            *parent = first;
        }
        if let Some(reason) = reason {
            self.block(first, &reason);
        }
        if is_sum {
            self.sum(first);
        }
    }

    /// Notes that the set's channels are the sums of several layers'.
    pub(super) fn sum(&mut self, set: usize) {
        let root = self.root(set);
        if let Some(summed) = self.summed.get_mut(root) {
            *summed = true;
        }
    }

    /// True where the set's channels are the sums of several layers', as in residual networks.
    pub(super) fn is_sum(&self, set: usize) -> bool {
        self.summed.get(self.root(set)).copied().unwrap_or(false)
    }

    /// Has all channels of the set stay. The first reason counts.
    pub(super) fn block(&mut self, set: usize, reason: &str) {
        let root = self.root(set);
        if let Some(blocked) = self.blocked.get_mut(root) {
            blocked.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// Why the set's channels all stay, where they do.
    pub(super) fn blocked(&self, set: usize) -> Option<&str> {
        self.blocked.get(self.root(set)).and_then(Option::as_deref)
    }

    /// The number of channels.
    pub(super) fn size(&self, set: usize) -> usize {
        self.sizes.get(self.root(set)).copied().unwrap_or(0)
    }

    /// The sets that stand for others, in the order in which they were made.
    pub(super) fn roots(&self) -> impl Iterator<Item = usize> {
        (0..self.parents.len()).filter(|set| self.root(*set) == *set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_sets_share_their_fate() {
        let mut channels = Channels::default();
        let [one, two, three] = [8, 8, 4].map(|size| channels.add(size));
        channels.block(two, "needed");
        channels.join(one, two);
        channels.join(two, one);
        assert_eq!((channels.blocked(one), channels.blocked(three)), (Some("needed"), None));
        channels.block(one, "another");
        assert_eq!(channels.blocked(two), Some("needed"));
        assert_eq!(channels.roots().collect::<Vec<_>>(), [one, three]);
        assert_eq!((channels.size(two), channels.size(99)), (8, 0));
        let four = channels.add(4);
        channels.sum(four);
        assert!(!channels.is_sum(three));
        channels.join(three, four);
        assert!(channels.is_sum(three) && !channels.is_sum(one));
    }

    #[test]
    fn flattened_channels_take_as_much_as_there_is() {
        let mut layout = Layout::of(0, 4, Axis::Of { axis: 1, rank: 2 });
        assert_eq!(layout.expanded(8), None);
        layout.spread = true;
        assert_eq!(layout.expanded(8).unwrap()[0].repeat, 2);
        assert_eq!((layout.expanded(9), layout.expanded(0)), (None, None));
        assert_eq!(
            (
                Axis::Last.places_from_end(),
                Axis::Of { axis: 1, rank: 4 }.places_from_end()
            ),
            (1, 3)
        );
    }
}
