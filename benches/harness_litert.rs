//! The bare loop of LiteRT's C interface, as a program of its own would have it: nothing of ours between the clock and the engine.
#![allow(unsafe_code, reason = "a program in C, in Rust")]

use std::ffi::CString;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

type Handle = *mut c_void;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Layout {
    head: u32,
    dimensions: [i32; 8],
    strides: [u32; 8],
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct TensorType {
    element: c_int,
    layout: Layout,
}

extern "C" fn keep(_: *mut c_void) {}

macro_rules! c {
    ($library:expr, $name:ident($($argument:expr => $type:ty),*)) => {{
        let function = unsafe {
            $library.get::<unsafe extern "C" fn($($type),*) -> c_int>(concat!(stringify!($name), "\0").as_bytes())
        };
        let status = unsafe { function.unwrap()($($argument),*) };
        assert_eq!(status, 0, stringify!($name));
    }};
}

/// Runs a model with one input and one output on lines of `discard keep`, and answers with the seconds of each kept run.
pub(super) fn bare(path: &Path, model: &Path, data: &[f32]) {
    let library = unsafe { libloading::Library::new(path) }.unwrap();
    let bytes = std::fs::read(model).unwrap();
    let null = std::ptr::null_mut::<c_void>;
    let (mut environment, mut model, mut options, mut compiled, mut signature) =
        (null(), null(), null(), null(), null());
    c!(library, LiteRtCreateEnvironment(0 => c_int, null() => Handle, &mut environment => &mut Handle));
    c!(library, LiteRtCreateModelFromBuffer(
        environment => Handle, bytes.as_ptr() => *const u8, bytes.len() => usize, &mut model => &mut Handle
    ));
    c!(library, LiteRtCreateOptions(&mut options => &mut Handle));
    c!(library, LiteRtSetOptionsHardwareAccelerators(options => Handle, 1 => c_int));
    let threads = CString::new("num_threads = 1\n").unwrap().into_raw();
    let mut opaque = null();
    c!(library, LiteRtCreateOpaqueOptions(
        c"xnnpack".as_ptr() => *const c_char, threads => *mut c_char, keep => extern "C" fn(*mut c_void), &mut opaque => &mut Handle
    ));
    c!(library, LiteRtAddOpaqueOptions(options => Handle, opaque => Handle));
    c!(library, LiteRtCreateCompiledModel(
        environment => Handle, model => Handle, options => Handle, &mut compiled => &mut Handle
    ));
    c!(library, LiteRtGetModelSignature(model => Handle, 0 => usize, &mut signature => &mut Handle));
    let (mut inputs, mut outputs) = ([null()], [null()]);
    let mut kind = TensorType::default();
    let (mut tensor, mut requirements) = (null(), null());
    c!(library, LiteRtGetSignatureInputTensorByIndex(signature => Handle, 0 => usize, &mut tensor => &mut Handle));
    c!(library, LiteRtGetRankedTensorType(tensor => Handle, &mut kind => &mut TensorType));
    c!(library, LiteRtGetCompiledModelInputBufferRequirements(
        compiled => Handle, 0 => usize, 0 => usize, &mut requirements => &mut Handle
    ));
    c!(library, LiteRtCreateManagedTensorBufferFromRequirements(
        environment => Handle, &kind => &TensorType, requirements => Handle, &mut inputs[0] => &mut Handle
    ));
    let mut start = null();
    c!(library, LiteRtLockTensorBuffer(inputs[0] => Handle, &mut start => &mut Handle, 1 => c_int));
    unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), start.cast::<f32>(), data.len()) };
    c!(library, LiteRtUnlockTensorBuffer(inputs[0] => Handle));
    c!(library, LiteRtGetSignatureOutputTensorByIndex(signature => Handle, 0 => usize, &mut tensor => &mut Handle));
    c!(library, LiteRtGetRankedTensorType(tensor => Handle, &mut kind => &mut TensorType));
    c!(library, LiteRtGetCompiledModelOutputBufferRequirements(
        compiled => Handle, 0 => usize, 0 => usize, &mut requirements => &mut Handle
    ));
    c!(library, LiteRtCreateManagedTensorBufferFromRequirements(
        environment => Handle, &kind => &TensorType, requirements => Handle, &mut outputs[0] => &mut Handle
    ));
    type Run = unsafe extern "C" fn(Handle, usize, usize, *mut Handle, usize, *mut Handle) -> c_int;
    let run = unsafe { library.get::<Run>(b"LiteRtRunCompiledModel\0") }.unwrap();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (discard, keep) = line.split_once(' ').unwrap();
        let (discard, keep): (usize, usize) = (discard.parse().unwrap(), keep.parse().unwrap());
        let mut seconds = Vec::with_capacity(keep);
        for at in 0..discard + keep {
            let started = Instant::now();
            let status = unsafe { run(compiled, 0, 1, inputs.as_mut_ptr(), 1, outputs.as_mut_ptr()) };
            let elapsed = started.elapsed().as_secs_f64();
            assert_eq!(status, 0);
            if at >= discard {
                seconds.push(elapsed);
            }
        }
        let words: Vec<String> = seconds.iter().map(|value| format!("{value:e}")).collect();
        println!("{}", words.join(" "));
        std::io::stdout().flush().unwrap();
    }
}
