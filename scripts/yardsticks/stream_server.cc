// The C++ gRPC side of the streaming comparison: bench.Echo of Tests/proto/bench.proto. usage:
// stream_server PORT callback|sync
#include <grpcpp/grpcpp.h>

#include <string>

#include "bench.grpc.pb.h"

using bench::EchoMessage;

class CallbackEcho final : public bench::Echo::CallbackService {
  struct Collector final : grpc::ServerReadReactor<EchoMessage> {
    explicit Collector(EchoMessage *answer) : all(answer) { StartRead(&message); }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      all->mutable_message()->append(message.message());
      StartRead(&message);
    }
    void OnDone() override { delete this; }
    EchoMessage *all, message;
  };

  struct Repeater final : grpc::ServerWriteReactor<EchoMessage> {
    explicit Repeater(const EchoMessage *asked) : message(*asked), left(asked->payload().size()) { Next(); }
    void Next() {
      if (left == 0) return Finish(grpc::Status::OK);
      left--;
      StartWrite(&message);
    }
    void OnWriteDone(bool ok) override { ok ? Next() : Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }
    EchoMessage message;
    size_t left;
  };

  struct Chatter final : grpc::ServerBidiReactor<EchoMessage, EchoMessage> {
    Chatter() { StartRead(&message); }
    void OnReadDone(bool ok) override { ok ? StartWrite(&message) : Finish(grpc::Status::OK); }
    void OnWriteDone(bool ok) override { ok ? StartRead(&message) : Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }
    EchoMessage message;
  };

  grpc::ServerReadReactor<EchoMessage> *Collect(grpc::CallbackServerContext *, EchoMessage *answer) override {
    return new Collector(answer);
  }
  grpc::ServerWriteReactor<EchoMessage> *Repeat(grpc::CallbackServerContext *, const EchoMessage *asked) override {
    return new Repeater(asked);
  }
  grpc::ServerBidiReactor<EchoMessage, EchoMessage> *Chat(grpc::CallbackServerContext *) override {
    return new Chatter;
  }
};

class SyncEcho final : public bench::Echo::Service {
  grpc::Status Collect(grpc::ServerContext *, grpc::ServerReader<EchoMessage> *reader, EchoMessage *answer) override {
    EchoMessage message;
    while (reader->Read(&message)) answer->mutable_message()->append(message.message());
    return grpc::Status::OK;
  }
  grpc::Status Repeat(grpc::ServerContext *, const EchoMessage *asked, grpc::ServerWriter<EchoMessage> *writer) override {
    for (size_t left = asked->payload().size(); left > 0; left--)
      if (!writer->Write(*asked)) return grpc::Status::CANCELLED;
    return grpc::Status::OK;
  }
  grpc::Status Chat(grpc::ServerContext *, grpc::ServerReaderWriter<EchoMessage, EchoMessage> *stream) override {
    EchoMessage message;
    while (stream->Read(&message))
      if (!stream->Write(message)) return grpc::Status::CANCELLED;
    return grpc::Status::OK;
  }
};

int main(int count, char **arguments) {
  if (count != 3) return 64;
  CallbackEcho callback;
  SyncEcho sync;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + arguments[1], grpc::InsecureServerCredentials());
  if (arguments[2] == std::string("sync"))
    builder.RegisterService(&sync);
  else
    builder.RegisterService(&callback);
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
}
