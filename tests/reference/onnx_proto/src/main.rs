//! Generates `src/model/onnx/proto.rs` from ONNX's `onnx-ml.proto`, found in the `onnx` wheel.
//!
//! Usage: `cargo run -- <folder of onnx-ml.proto> <output folder>`; then put the header of the present file before the result.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(proto), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: onnx_proto <folder of onnx-ml.proto> <output folder>".into());
    };
    let files = protox::compile(["onnx-ml.proto"], [proto])?;
    prost_build::Config::new().bytes(["."]).disable_comments(["."]).out_dir(output).compile_fds(files)?;
    Ok(())
}
