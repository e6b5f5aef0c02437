//! Where the windows of convolutions and pools lie, and which of the format's two kinds of padding says the same.

use super::super::call::Call;
use super::super::error::Refusal;
use super::super::graph::TensorId;
use super::super::lower::Builder;
use super::super::op::Op;
use super::super::op::Padding;

/// Windows over height and width; one-dimensional ones have a height of 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    pub(super) before: [usize; 2],
    pub(super) after: [usize; 2],
    /// How many windows there are.
    pub(super) count: [usize; 2],
}

/// Padding that says what [`Windows`] say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) padding: Padding,
    /// What must be put around the data first: before and after, by height and width.
    pub(super) extra: Option<([usize; 2], [usize; 2])>,
}

impl Windows {
    /// The windows of a node over data of `size` height and width, with kernels of `kernel`, in `rank` spatial dimensions.
    pub(super) fn of(call: &Call<'_>, rank: usize, size: [usize; 2], kernel: [usize; 2]) -> Result<Self, Refusal> {
        let pair = |name: &str| -> Result<[usize; 2], Refusal> {
            let sizes = call.sizes(name)?.unwrap_or_else(|| vec![1; rank]);
            match *sizes.as_slice() {
                [width] if rank == 1 => Ok([1, width]),
                [height, width] if rank == 2 => Ok([height, width]),
                _ => Err(format!("its `{name}` do not go with {rank} spatial dimensions").into()),
            }
        };
        let (stride, dilation) = (pair("strides")?, pair("dilations")?);
        if stride.contains(&0) || dilation.contains(&0) || kernel.contains(&0) {
            return Err("its windows have a size, stride or dilation of 0".into());
        }
        let (mut before, mut after) = ([0, 0], [0, 0]);
        let auto = call.text("auto_pad", "NOTSET");
        match auto.as_str() {
            "NOTSET" => {
                if let Some(pads) = call.sizes("pads")? {
                    (before, after) = match *pads.as_slice() {
                        [left, right] if rank == 1 => ([0, left], [0, right]),
                        [top, left, bottom, right] if rank == 2 => ([top, left], [bottom, right]),
                        _ => return Err(format!("its `pads` do not go with {rank} spatial dimensions").into()),
                    };
                }
            }
            "VALID" => {}
            "SAME_UPPER" | "SAME_LOWER" => {
                for axis in [0_usize, 1] {
                    let covered = extent(kernel[axis], dilation[axis])?;
                    let total = ((size[axis].div_ceil(stride[axis])).saturating_sub(1) * stride[axis] + covered)
                        .saturating_sub(size[axis]);
                    let (less, more) = (total / 2, total - total / 2);
                    (before[axis], after[axis]) = if auto == "SAME_UPPER" {
                        (less, more)
                    } else {
                        (more, less)
                    };
                }
            }
            other => return Err(format!("its `auto_pad` is {other:?}").into()),
        }
        let mut count = [0, 0];
        for axis in [0_usize, 1] {
            let covered = extent(kernel[axis], dilation[axis])?;
            let room = (size[axis].checked_add(before[axis]))
                .and_then(|sum| sum.checked_add(after[axis]))
                .and_then(|sum| sum.checked_sub(covered))
                .ok_or("its window is larger than its data")?;
            count[axis] = if call.int("ceil_mode", 0) == 1 {
                let count = room.div_ceil(stride[axis]) + 1;
                // A window that would begin behind the data and the padding before it counts for nothing.
                if (count - 1) * stride[axis] >= size[axis] + before[axis] {
                    count - 1
                } else {
                    count
                }
            } else {
                room / stride[axis] + 1
            };
            if count[axis] == 0 {
                return Err("its data hold no window".into());
            }
        }
        Ok(Self {
            kernel,
            stride,
            dilation,
            before,
            after,
            count,
        })
    }

    /// What a window of that axis covers, from its first to its last element.
    pub(super) fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
    }

    /// What the last window of that axis needs behind data of `size`; negative where it ends before.
    fn needed_after(&self, axis: usize, size: usize) -> i64 {
        let end = (self.count[axis] - 1) * self.stride[axis] + self.extent(axis);
        end as i64 - size as i64 - self.before[axis] as i64
    }

    /// The padding that gives these windows over data of `size`. The format's SAME puts the odd element behind, ONNX's symmetric pads
    /// put it before, so that at stride 2 they differ for even sizes; then the data must be padded first.
    pub(super) fn fit(&self, size: [usize; 2]) -> Fit {
        let behind = [self.needed_after(0, size[0]), self.needed_after(1, size[1])];
        if self.before == [0, 0] && behind.iter().all(|pad| *pad <= 0) {
            return Fit {
                padding: Padding::Valid,
                extra: None,
            };
        }
        let same = |axis: usize| {
            let total = (self.count[axis] - 1) * self.stride[axis] + self.extent(axis);
            let total = total.saturating_sub(size[axis]);
            self.count[axis] == size[axis].div_ceil(self.stride[axis])
                && self.before[axis] == total / 2
                && behind[axis].max(0) == (total - total / 2) as i64
        };
        if same(0) && same(1) {
            return Fit {
                padding: Padding::Same,
                extra: None,
            };
        }
        self.explicit(size)
    }

    /// As [`Windows::fit`], with all padding put around the data first.
    pub(super) fn explicit(&self, size: [usize; 2]) -> Fit {
        let behind = |axis: usize| self.needed_after(axis, size[axis]).max(0) as usize;
        let after = [behind(0), behind(1)];
        let extra = (self.before != [0, 0] || after != [0, 0]).then_some((self.before, after));
        Fit {
            padding: Padding::Valid,
            extra,
        }
    }
}

fn extent(kernel: usize, dilation: usize) -> Result<usize, Refusal> {
    let covered = (kernel - 1)
        .checked_mul(dilation)
        .and_then(|covered| covered.checked_add(1));
    covered
        .filter(|covered| *covered <= i32::MAX as usize)
        .ok_or_else(|| "its window is too large".into())
}

/// Puts `extra` around NHWC data.
pub(super) fn padded(
    b: &mut Builder<'_>,
    x: TensorId,
    extra: Option<([usize; 2], [usize; 2])>,
    value: f32,
) -> Result<TensorId, Refusal> {
    match extra {
        None => Ok(x),
        Some((before, after)) => b.push(
            Op::Pad {
                before: vec![0, before[0], before[1], 0],
                after: vec![0, after[0], after[1], 0],
                value,
            },
            &[x],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(size: usize, kernel: usize, stride: usize, before: usize, after: usize) -> Windows {
        let count = (size + before + after - kernel) / stride + 1;
        Windows {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            before: [before; 2],
            after: [after; 2],
            count: [count; 2],
        }
    }

    #[test]
    fn symmetric_pads_are_same_at_stride_1_and_for_odd_sizes_only() {
        let same = Fit {
            padding: Padding::Same,
            extra: None,
        };
        assert_eq!(windows(224, 3, 1, 1, 1).fit([224; 2]), same);
        assert_eq!(windows(7, 3, 2, 1, 1).fit([7; 2]), same);
        let even = windows(224, 3, 2, 1, 1).fit([224; 2]);
        assert_eq!(even.padding, Padding::Valid);
        // The element behind is never reached.
        assert_eq!(even.extra, Some(([1; 2], [0; 2])));
    }

    #[test]
    fn unreached_data_needs_no_padding() {
        let fit = windows(225, 3, 2, 0, 0).fit([225; 2]);
        assert_eq!(
            fit,
            Fit {
                padding: Padding::Valid,
                extra: None
            }
        );
        assert_eq!(windows(112, 1, 2, 0, 0).fit([112; 2]).extra, None);
    }
}
