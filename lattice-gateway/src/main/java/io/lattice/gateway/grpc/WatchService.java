package io.lattice.gateway.grpc;

import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.watch.WatchContext;
import io.lattice.gateway.watch.WatchFrame;
import io.lattice.gateway.watch.WatchStream;
import io.lattice.gateway.wire.PackedMessages;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.IntFunction;

/// etcdserverpb.Watch. Responses are frames put together from events that all streams share, so the service is bound by hand
/// rather than by the generated base class.
public final class WatchService implements BindableService {
    private final IntFunction<WatchContext> newContext;
    private final Map<Integer, WatchContext> contexts = new ConcurrentHashMap<>();
    private final Set<WatchStream> streams = ConcurrentHashMap.newKeySet();
    private volatile boolean stopping;

    /// @param gate watches from now on have to pass it
    /// @param watchLimits bounds of the streams of a keyspace
    /// @param history reads the history for watchers that are behind
    public WatchService(
            RaftNode node,
            Headers headers,
            ReadGate gate,
            IntFunction<WatchContext.Limits> watchLimits,
            ScheduledExecutorService history) {
        this.newContext =
                keyspace ->
                        new WatchContext(
                                node.watches(),
                                keyspace,
                                () -> node.store().view(),
                                headers::at,
                                gate::await,
                                history,
                                watchLimits.apply(keyspace));
    }

    @Override
    public ServerServiceDefinition bindService() {
        MethodDescriptor<WatchRequest, WatchFrame> method =
                WatchGrpc.getWatchMethod().toBuilder(
                                WatchGrpc.getWatchMethod().getRequestMarshaller(),
                                new WatchFrame.FrameMarshaller())
                        .build();
        ServerCallHandler<WatchRequest, WatchFrame> handler =
                (call, metadata) -> {
                    boolean packs =
                            Boolean.TRUE.equals(call.getAttributes().get(PackedMessages.POSSIBLE));
                    return ServerCalls.<WatchRequest, WatchFrame>asyncBidiStreamingCall(
                                    responses -> open(responses, packs))
                            .startCall(call, metadata);
                };
        return ServerServiceDefinition.builder(
                        ServiceDescriptor.newBuilder(WatchGrpc.SERVICE_NAME)
                                .setSchemaDescriptor(
                                        WatchGrpc.getServiceDescriptor().getSchemaDescriptor())
                                .addMethod(method)
                                .build())
                .addMethod(method, handler)
                .build();
    }

    private StreamObserver<WatchRequest> open(StreamObserver<WatchFrame> responses, boolean packs) {
        WatchStream stream =
                WatchStream.open(
                        (ServerCallStreamObserver<WatchFrame>) responses,
                        contexts.computeIfAbsent(Tenant.current().keyspace(), newContext::apply),
                        packs,
                        streams::remove);
        streams.add(stream);
        if (stopping) {
            stream.cutOff(ErrorMapper.status(ProposalFailure.STOPPED));
        }
        return stream;
    }

    /// Streams that are open.
    public int activeStreams() {
        return streams.size();
    }

    /// Ends all streams, which would otherwise stay for as long as their clients do. Clients go on with another node.
    public void stop() {
        stopping = true;
        streams.forEach(stream -> stream.cutOff(ErrorMapper.status(ProposalFailure.STOPPED)));
    }
}
