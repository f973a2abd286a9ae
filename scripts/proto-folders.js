/** Our protobuf schemas: name and folder. */
export const PROTO_FOLDERS = {
  onnx: "src/onnx/proto",
  chakra: "src/profile/importers/proto",
};
