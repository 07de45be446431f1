package io.lattice.it.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TenantChannels;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A tenant that floods a node and is over its quota hardly shows in another's latency. Windows with and without the flood
/// alternate, so that whatever else the machine does meets both; only their ratio counts.
class FairnessTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int WINDOWS = Integer.getInteger("lattice.fairness.windows", 7);

    /// While processes still compile, windows differ most.
    private static final int WARM_UP_WINDOWS = 2;

    private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final int FLOODERS = 4;

    /// Together the flooders call about eight times as often as their quota lets them. Without a pause it would be their own
    /// CPU, on the same machine, that shows in the other's latency.
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    private static final double RATIO_MAX = 2;

    private static final String TENANTS =
            """
            [tenants.tenant.flood]
            qps_limit = 100
            """;

    @Test
    void floodOverQuotaLeavesTheP99OfAnotherTenantWithinTwiceItsQuietValue() throws Exception {
        TestCluster lattice = CLUSTERS.plain("lattice", new LatticeKind(TENANTS), 3);
        int leader = lattice.awaitLeader();
        QuietTenant quiet = new QuietTenant(lattice.client(leader).channel());
        ManagedChannel floodChannel =
                NettyChannelBuilder.forAddress(
                                lattice.node(leader).host(), lattice.node(leader).clientPort())
                        .usePlaintext()
                        .build();
        List<Double> calm = new ArrayList<>();
        List<Double> flooded = new ArrayList<>();
        LongAdder refused = new LongAdder();
        try {
            for (int i = 0; i < WARM_UP_WINDOWS + WINDOWS; i++) {
                double before = quiet.p99Millis();
                double during;
                try (Flood _ = new Flood(TenantChannels.naming(floodChannel, "flood"), refused)) {
                    during = quiet.p99Millis();
                }
                if (i >= WARM_UP_WINDOWS) {
                    calm.add(before);
                    flooded.add(during);
                }
            }
        } finally {
            floodChannel.shutdownNow();
        }
        double ratio = median(flooded) / median(calm);
        System.out.printf(
                "FairnessTest: p99 in ms, calm %s, flooded %s, ratio of medians %.2f, refused %d%n",
                calm, flooded, ratio, refused.sum());

        assertThat(refused.sum()).isGreaterThan(500L * WINDOWS);
        assertThat(ratio).isLessThan(RATIO_MAX);
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
    }

    /// Puts and reads, one after the other.
    private static final class QuietTenant {
        private final KVGrpc.KVBlockingStub kv;

        QuietTenant(Channel channel) {
            this.kv = KVGrpc.newBlockingStub(channel);
        }

        double p99Millis() {
            List<Long> nanos = new ArrayList<>();
            long end = System.nanoTime() + WINDOW_NANOS;
            for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
                if (nanos.size() % 2 == 0) {
                    var _ = kv.put(put("quiet"));
                } else {
                    var _ =
                            kv.range(
                                    RangeRequest.newBuilder()
                                            .setKey(put("quiet").getKey())
                                            .build());
                }
                nanos.add(System.nanoTime() - now);
            }
            nanos.sort(null);
            return nanos.get(nanos.size() * 99 / 100) / 1e6;
        }
    }

    private static PutRequest put(String key) {
        return PutRequest.newBuilder()
                .setKey(ByteString.copyFromUtf8(key))
                .setValue(ByteString.copyFrom(new byte[256]))
                .build();
    }

    /// Threads that go on calling whatever they are answered.
    private static final class Flood implements AutoCloseable {
        private final List<Thread> threads = new ArrayList<>();
        private volatile boolean over;

        Flood(Channel channel, LongAdder refused) {
            KVGrpc.KVBlockingStub kv = KVGrpc.newBlockingStub(channel);
            for (int i = 0; i < FLOODERS; i++) {
                String key = "flood/" + i;
                threads.add(Thread.ofPlatform().start(() -> flood(kv, key, refused)));
            }
        }

        private void flood(KVGrpc.KVBlockingStub kv, String key, LongAdder refused) {
            while (!over) {
                try {
                    var _ = kv.put(put(key));
                } catch (StatusRuntimeException overQuota) {
                    refused.increment();
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }

        @Override
        public void close() throws InterruptedException {
            over = true;
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }
}
