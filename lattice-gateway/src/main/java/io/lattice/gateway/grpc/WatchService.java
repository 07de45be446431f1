package io.lattice.gateway.grpc;

import io.grpc.BindableService;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.lattice.gateway.admission.Tenant;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.RaftNode;
import io.lattice.gateway.watch.LeaderMonitor;
import io.lattice.gateway.watch.WatchContext;
import io.lattice.gateway.watch.WatchFrame;
import io.lattice.gateway.watch.WatchStream;
import io.lattice.gateway.wire.PackedMessages;
import io.lattice.proto.etcdserverpb.WatchGrpc;
import io.lattice.proto.etcdserverpb.WatchRequest;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.IntFunction;

/// etcdserverpb.Watch. Responses are frames put together from events that all streams share, so the service is bound by hand
/// rather than by the generated base class.
public final class WatchService implements BindableService {
    private static final Metadata.Key<String> HAS_LEADER =
            Metadata.Key.of("hasleader", Metadata.ASCII_STRING_MARSHALLER);

    private final IntFunction<WatchContext> newContext;
    private final Map<Integer, WatchContext> contexts = new ConcurrentHashMap<>();
    private final LeaderMonitor leader;
    private final Set<WatchStream> streams = ConcurrentHashMap.newKeySet();
    private volatile boolean stopping;

    /// @param watchLimits bounds of streams
    /// @param electionTimeout three of them without a leader end the streams that want one
    /// @param history reads the history for watchers that are behind, and looks for the leader
    public WatchService(
            RaftNode node,
            Headers headers,
            RequestLimits limits,
            WatchContext.Limits watchLimits,
            Duration electionTimeout,
            ScheduledExecutorService history) {
        this.newContext =
                keyspace ->
                        new WatchContext(
                                node.watches(),
                                keyspace,
                                () -> node.store().view(),
                                headers::at,
                                (ready, failed) ->
                                        node.fence()
                                                .await(
                                                        System.nanoTime()
                                                                + limits.timeout().toNanos(),
                                                        ready,
                                                        failure ->
                                                                failed.accept(
                                                                        ErrorMapper.status(
                                                                                failure))),
                                history,
                                watchLimits);
        this.leader = new LeaderMonitor(() -> node.view().leader() != null);
        leader.start(history, electionTimeout);
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
                    boolean wantsLeader = "true".equals(metadata.get(HAS_LEADER));
                    boolean packs =
                            Boolean.TRUE.equals(call.getAttributes().get(PackedMessages.POSSIBLE));
                    return ServerCalls.<WatchRequest, WatchFrame>asyncBidiStreamingCall(
                                    responses -> open(responses, wantsLeader, packs))
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

    private StreamObserver<WatchRequest> open(
            StreamObserver<WatchFrame> responses, boolean wantsLeader, boolean packs) {
        if (wantsLeader && !leader.hasLeader()) {
            return refused(responses, LeaderMonitor.NO_LEADER);
        }
        WatchStream stream =
                WatchStream.open(
                        (ServerCallStreamObserver<WatchFrame>) responses,
                        contexts.computeIfAbsent(Tenant.current().keyspace(), newContext::apply),
                        packs,
                        this::ended);
        streams.add(stream);
        if (wantsLeader) {
            leader.add(stream);
        }
        if (stopping) {
            stream.cutOff(ErrorMapper.status(ProposalFailure.STOPPED));
        }
        return stream;
    }

    private static StreamObserver<WatchRequest> refused(
            StreamObserver<WatchFrame> responses, Status status) {
        responses.onError(status.asRuntimeException());
        return new StreamObserver<>() {
            @Override
            public void onNext(WatchRequest request) {}

            @Override
            public void onError(Throwable error) {}

            @Override
            public void onCompleted() {}
        };
    }

    private void ended(WatchStream stream) {
        streams.remove(stream);
        leader.remove(stream);
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
