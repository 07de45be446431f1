package io.lattice.it.failover;

import io.grpc.Server;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.lattice.it.cluster.NodeClient;
import io.lattice.it.cluster.Ports;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/// Stands between clients and a node, and breaks one promise now and then.
final class LyingProxy extends KVGrpc.KVImplBase implements AutoCloseable {
    private static final int EVERY = 40;

    /// Which promise.
    enum Lie {
        NONE,
        ACKNOWLEDGES_WITHOUT_WRITING,
        WRITES_TWICE,
        READS_FROM_A_CACHE
    }

    private final NodeClient node;
    private final Lie lie;
    private final Server server;
    private final int port = Ports.free();
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong lastRevision = new AtomicLong();
    private final Map<RangeRequest, RangeResponse> cache = new ConcurrentHashMap<>();

    private LyingProxy(NodeClient node, Lie lie) throws IOException {
        this.node = node;
        this.lie = lie;
        this.server =
                NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port))
                        .addService(this)
                        .build()
                        .start();
    }

    static LyingProxy start(NodeClient node, Lie lie) throws IOException {
        return new LyingProxy(node, lie);
    }

    Target target(String name) {
        return new Target(name, "127.0.0.1", port, null, null);
    }

    private boolean lies() {
        return calls.incrementAndGet() % EVERY == 0;
    }

    @Override
    public void put(PutRequest request, StreamObserver<PutResponse> observer) {
        answer(
                observer,
                () -> {
                    if (lie == Lie.ACKNOWLEDGES_WITHOUT_WRITING && lies()) {
                        PutResponse.Builder invented = PutResponse.newBuilder();
                        invented.getHeaderBuilder().setRevision(lastRevision.get() + 1);
                        return invented.build();
                    }
                    PutResponse response = node.kv(10).put(request);
                    if (lie == Lie.WRITES_TWICE && lies()) {
                        response = node.kv(10).put(request);
                    }
                    lastRevision.set(response.getHeader().getRevision());
                    return response;
                });
    }

    @Override
    public void range(RangeRequest request, StreamObserver<RangeResponse> observer) {
        answer(
                observer,
                () -> {
                    RangeResponse old = cache.get(request);
                    if (lie == Lie.READS_FROM_A_CACHE && old != null && lies()) {
                        return old;
                    }
                    RangeResponse response = node.kv(10).range(request);
                    cache.put(request, response);
                    return response;
                });
    }

    private static <T> void answer(StreamObserver<T> observer, Supplier<T> call) {
        T response;
        try {
            response = call.get();
        } catch (StatusRuntimeException e) {
            observer.onError(e);
            return;
        }
        observer.onNext(response);
        observer.onCompleted();
    }

    @Override
    public void close() {
        server.shutdownNow();
    }
}
