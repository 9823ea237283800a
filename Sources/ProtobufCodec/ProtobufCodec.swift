// ProtobufCodec
