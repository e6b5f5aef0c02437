//! The part of LiteRT's C interface that is used, as release 2.3.0 has it.
//!
//! Declared after the headers in `litert/c/` of <https://github.com/google-ai-edge/LiteRT> (Apache License 2.0), and checked by running
//! each function. Other releases differ in arguments, without a symbol that tells: a library is loaded only where its digest is known.

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::mem::ManuallyDrop;

use libloading::Library;

/// What a function came to; 0 is success, see [`super::failure`].
pub(super) type Status = c_int;

/// Handles: pointers to things that only the library looks into.
macro_rules! handles {
    ($($name:ident)*) => {
        $(
            #[doc = concat!("`LiteRt", stringify!($name), "`")]
            #[repr(transparent)]
            #[derive(Debug, Clone, Copy)]
            pub(super) struct $name(*mut c_void);

            impl $name {
                /// To be overwritten by the library.
                pub(super) const NULL: Self = Self(std::ptr::null_mut());
            }
        )*
    };
}

handles!(Environment Model Options OpaqueOptions CompiledModel Requirements TensorBuffer Signature Subgraph Op Tensor Profiler);

/// The most dimensions of a tensor.
pub(super) const MAX_RANK: usize = 8;

/// `LiteRtLayout`: a shape.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layout {
    /// The rank in the lower seven bits, and above them whether there are strides.
    head: u32,
    /// Microsoft's compilers give the second bit field a place of its own.
    #[cfg(windows)]
    has_strides: u8,
    dimensions: [i32; MAX_RANK],
    strides: [u32; MAX_RANK],
}

impl Layout {
    /// The sizes of the dimensions.
    pub(super) fn dimensions(&self) -> &[i32] {
        let rank = (self.head & 0x7f) as usize;
        self.dimensions.get(..rank).unwrap_or(&self.dimensions)
    }
}

/// `LiteRtRankedTensorType`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TensorType {
    pub(super) element: c_int,
    pub(super) layout: Layout,
}

/// `LiteRtAny` with an integer.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Integer {
    kind: c_int,
    value: i64,
}

/// `LiteRtEnvOption` with an integer.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct EnvironmentOption {
    tag: c_int,
    value: Integer,
}

impl EnvironmentOption {
    pub(super) fn new(tag: c_int, value: i64) -> Self {
        Self {
            tag,
            value: Integer {
                kind: AN_INTEGER,
                value,
            },
        }
    }
}

/// `kLiteRtAnyTypeInt`.
const AN_INTEGER: c_int = 2;

/// `kLiteRtEnvOptionTagAutoRegisterAccelerators`: a set of accelerators.
pub(super) const REGISTERED_ACCELERATORS: c_int = 24;

/// `kLiteRtEnvOptionTagMinLoggerSeverity`: 0 is verbose, 2 warnings, 3 errors.
pub(super) const LEAST_SEVERITY: c_int = 25;

/// `kLiteRtHwAcceleratorCpu`.
pub(super) const PROCESSOR: c_int = 1;

/// `kLiteRtTensorBufferLockModeRead`.
pub(super) const READ: c_int = 0;

/// `kLiteRtTensorBufferLockModeWrite`.
pub(super) const WRITE: c_int = 1;

/// `ProfiledEventData`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    /// Belongs to the profiler.
    pub(super) tag: *const c_char,
    /// One of TensorFlow Lite's `Profiler::EventType`.
    pub(super) kind: c_int,
    pub(super) start_microseconds: u64,
    pub(super) elapsed_microseconds: u64,
    memory: [i64; 6],
    /// The index of the operator, in its subgraph or within its delegate's partition.
    pub(super) index: u64,
    /// The index of the subgraph.
    pub(super) subgraph: u64,
    source: c_int,
}

impl Event {
    /// To be overwritten by the library.
    pub(super) const NONE: Self = Self {
        tag: std::ptr::null(),
        kind: 0,
        start_microseconds: 0,
        elapsed_microseconds: 0,
        memory: [0; 6],
        index: 0,
        subgraph: 0,
        source: 0,
    };
}

macro_rules! interface {
    ($($field:ident = $symbol:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The library's functions.
        pub(super) struct Interface {
            $(
                #[doc = concat!("`", stringify!($symbol), "`")]
                pub(super) $field: unsafe extern "C" fn($($argument),*) $(-> $result)?,
            )*
            /// Never unloaded: threads and destructors of it may outlive everything that is known here.
            _library: ManuallyDrop<Library>,
        }

        impl Interface {
            /// Takes the functions out of `library`, which must be of the release that is declared here; the name of a missing one.
            pub(super) fn of(library: Library) -> Result<Self, &'static str> {
                Ok(Self {
                    $(
                        $field: {
                            // SAFETY: the library's digest is that of the release whose headers say this signature, and the pointer is
                            // used no longer than the library is loaded, which is forever.
                            #[expect(unsafe_code, reason = "a function of LiteRT's C interface")]
                            let symbol = unsafe { library.get(concat!(stringify!($symbol), "\0").as_bytes()) };
                            *symbol.map_err(|_| stringify!($symbol))?
                        },
                    )*
                    _library: ManuallyDrop::new(library),
                })
            }
        }
    };
}

interface! {
    create_environment = LiteRtCreateEnvironment(c_int, *const EnvironmentOption, *mut Environment) -> Status;
    destroy_environment = LiteRtDestroyEnvironment(Environment);
    create_model = LiteRtCreateModelFromBuffer(Environment, *const c_void, usize, *mut Model) -> Status;
    destroy_model = LiteRtDestroyModel(Model);
    signatures = LiteRtGetNumModelSignatures(Model, *mut usize) -> Status;
    signature = LiteRtGetModelSignature(Model, usize, *mut Signature) -> Status;
    signature_key = LiteRtGetSignatureKey(Signature, *mut *const c_char) -> Status;
    signature_inputs = LiteRtGetNumSignatureInputs(Signature, *mut usize) -> Status;
    signature_input_name = LiteRtGetSignatureInputName(Signature, usize, *mut *const c_char) -> Status;
    signature_input = LiteRtGetSignatureInputTensorByIndex(Signature, usize, *mut Tensor) -> Status;
    signature_outputs = LiteRtGetNumSignatureOutputs(Signature, *mut usize) -> Status;
    signature_output_name = LiteRtGetSignatureOutputName(Signature, usize, *mut *const c_char) -> Status;
    signature_output = LiteRtGetSignatureOutputTensorByIndex(Signature, usize, *mut Tensor) -> Status;
    subgraphs = LiteRtGetNumModelSubgraphs(Model, *mut usize) -> Status;
    subgraph = LiteRtGetModelSubgraph(Model, usize, *mut Subgraph) -> Status;
    subgraph_ops = LiteRtGetNumSubgraphOps(Subgraph, *mut usize) -> Status;
    subgraph_op = LiteRtGetSubgraphOp(Subgraph, usize, *mut Op) -> Status;
    op_inputs = LiteRtGetNumOpInputs(Op, *mut usize) -> Status;
    op_input = LiteRtGetOpInput(Op, usize, *mut Tensor) -> Status;
    op_outputs = LiteRtGetNumOpOutputs(Op, *mut usize) -> Status;
    op_output = LiteRtGetOpOutput(Op, usize, *mut Tensor) -> Status;
    tensor_name = LiteRtGetTensorName(Tensor, *mut *const c_char) -> Status;
    tensor_type = LiteRtGetRankedTensorType(Tensor, *mut TensorType) -> Status;
    create_options = LiteRtCreateOptions(*mut Options) -> Status;
    destroy_options = LiteRtDestroyOptions(Options);
    set_accelerators = LiteRtSetOptionsHardwareAccelerators(Options, c_int) -> Status;
    create_opaque_options = LiteRtCreateOpaqueOptions(*const c_char, *mut c_void, extern "C" fn(*mut c_void), *mut OpaqueOptions) -> Status;
    add_opaque_options = LiteRtAddOpaqueOptions(Options, OpaqueOptions) -> Status;
    compile = LiteRtCreateCompiledModel(Environment, Model, Options, *mut CompiledModel) -> Status;
    destroy_compiled = LiteRtDestroyCompiledModel(CompiledModel);
    resize_input = LiteRtCompiledModelResizeInputTensor(CompiledModel, usize, usize, *const c_int, usize) -> Status;
    input_layout = LiteRtGetCompiledModelInputTensorLayout(CompiledModel, usize, usize, *mut Layout) -> Status;
    output_layouts = LiteRtGetCompiledModelOutputTensorLayouts(CompiledModel, usize, usize, *mut Layout, bool) -> Status;
    input_requirements = LiteRtGetCompiledModelInputBufferRequirements(CompiledModel, usize, usize, *mut Requirements) -> Status;
    output_requirements = LiteRtGetCompiledModelOutputBufferRequirements(CompiledModel, usize, usize, *mut Requirements) -> Status;
    run = LiteRtRunCompiledModel(CompiledModel, usize, usize, *mut TensorBuffer, usize, *mut TensorBuffer) -> Status;
    error_messages = LiteRtCompiledModelGetErrorMessages(CompiledModel, *mut *mut c_char) -> Status;
    clear_errors = LiteRtCompiledModelClearErrors(CompiledModel) -> Status;
    create_buffer = LiteRtCreateManagedTensorBufferFromRequirements(Environment, *const TensorType, Requirements, *mut TensorBuffer) -> Status;
    destroy_buffer = LiteRtDestroyTensorBuffer(TensorBuffer);
    buffer_bytes = LiteRtGetTensorBufferPackedSize(TensorBuffer, *mut usize) -> Status;
    lock_buffer = LiteRtLockTensorBuffer(TensorBuffer, *mut *mut c_void, c_int) -> Status;
    unlock_buffer = LiteRtUnlockTensorBuffer(TensorBuffer) -> Status;
    profiler = LiteRtCompiledModelGetProfiler(CompiledModel, *mut Profiler) -> Status;
    start_profiler = LiteRtStartProfiler(Profiler) -> Status;
    stop_profiler = LiteRtStopProfiler(Profiler) -> Status;
    reset_profiler = LiteRtResetProfiler(Profiler) -> Status;
    profiler_events = LiteRtGetNumProfilerEvents(Profiler, *mut c_int) -> Status;
    get_profiler_events = LiteRtGetProfilerEvents(Profiler, c_int, *mut Event) -> Status;
}

/// Calls a function of the library that fills in its last argument, or the one before `$after`; that value, or the status.
macro_rules! fetch {
    ($interface:expr, $function:ident($($argument:expr),* $(,)?), $initial:expr $(, $after:expr)?) => {{
        let mut value = $initial;
        // SAFETY: handles are passed while their owners live, pointers to memory as long as their lengths say, and what is
        // filled in is a value of this frame, of the type that the function fills in.
        #[expect(unsafe_code, reason = "a function of LiteRT's C interface")]
        let status = unsafe { ($interface.$function)($($argument,)* &mut value $(, $after)?) };
        if status == 0 { Ok(value) } else { Err(status) }
    }};
}

/// Calls a function of the library that fills in nothing; the status where it fails.
macro_rules! call {
    ($interface:expr, $function:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: handles are passed while their owners live, and pointers to memory as long as their lengths say.
        #[expect(unsafe_code, reason = "a function of LiteRT's C interface")]
        let status = unsafe { ($interface.$function)($($argument),*) };
        if status == 0 { Ok(()) } else { Err(status) }
    }};
}

pub(super) use call;
pub(super) use fetch;

/// A thing of the library's that is destroyed with its owner.
pub(super) struct Owned<H: Copy> {
    handle: H,
    destroy: unsafe extern "C" fn(H),
}

impl<H: Copy> Owned<H> {
    /// `handle` was just made by the library, belongs to the caller, and `destroy` is the function for its kind.
    pub(super) fn new(handle: H, destroy: unsafe extern "C" fn(H)) -> Self {
        Self { handle, destroy }
    }

    /// To be passed to the library while this lives.
    pub(super) fn get(&self) -> H {
        self.handle
    }
}

impl<H: Copy> Drop for Owned<H> {
    fn drop(&mut self) {
        // SAFETY: the handle is valid until now, this is the only owner, and who needs it is dropped before (owners declare their
        // fields in that order).
        #[expect(unsafe_code, reason = "a destructor of LiteRT's C interface")]
        unsafe {
            (self.destroy)(self.handle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(not(windows), target_pointer_width = "64"))]
    fn sizes_are_those_of_the_headers() {
        assert_eq!(size_of::<Layout>(), 68);
        assert_eq!(size_of::<TensorType>(), 72);
        assert_eq!(size_of::<EnvironmentOption>(), 24);
        assert_eq!(size_of::<Event>(), 104);
    }
}
