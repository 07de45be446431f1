package io.lattice.it.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.EtcdKind;
import io.lattice.it.cluster.LatticeKind;
import io.lattice.it.cluster.TenantChannels;
import io.lattice.it.cluster.TestCluster;
import io.lattice.proto.etcdserverpb.AlarmRequest;
import io.lattice.proto.etcdserverpb.AlarmRequest.AlarmAction;
import io.lattice.proto.etcdserverpb.AlarmType;
import io.lattice.proto.etcdserverpb.CompactionRequest;
import io.lattice.proto.etcdserverpb.DefragmentRequest;
import io.lattice.proto.etcdserverpb.DeleteRangeRequest;
import io.lattice.proto.etcdserverpb.KVGrpc;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.MaintenanceGrpc;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RequestOp;
import io.lattice.proto.etcdserverpb.StatusRequest;
import io.lattice.proto.etcdserverpb.TxnRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// A tenant that stores more than its quota: NOSPACE as in etcd, of that tenant alone, and how it ends.
class SpaceQuotaTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final int QUOTA_BYTES = 16 << 20;
    private static final int VALUE_BYTES = 1 << 20;

    /// Lattice keeps a value twice, and notices with a delay.
    private static final int PUTS_MAX = 400;

    private static final Duration LIMIT = Duration.ofSeconds(60);

    private static final String TENANTS =
            """
            [limits]
            backend_quota_bytes = %d
            [tenants.tenant.healing]
            space_recovery = "automatic"
            [tenants.tenant.roomy]
            backend_quota_bytes = 0
            """
                    .formatted(QUOTA_BYTES);

    @Test
    void fullStoreAnswersLikeAFullEtcdUntilItIsEmptiedAndDisarmed() {
        TestCluster lattice = CLUSTERS.plain("lattice", new LatticeKind(TENANTS), 1);
        TestCluster etcd = CLUSTERS.plain("etcd", new EtcdKind(false).withQuota(QUOTA_BYTES), 1);

        List<String> expected = life(etcd.client(0).channel());
        List<String> found = life(lattice.client(0).channel());

        assertThat(found).isEqualTo(expected);
        assertThat(expected)
                .contains("put: RESOURCE_EXHAUSTED etcdserver: mvcc: database space exceeded");
    }

    /// What happens to a client that fills a store, in words.
    private static List<String> life(Channel channel) {
        List<String> seen = new ArrayList<>();
        KVGrpc.KVBlockingStub kv = KVGrpc.newBlockingStub(channel);
        var maintenance = MaintenanceGrpc.newBlockingStub(channel);
        long revision = fill(kv);
        seen.add("put: " + answer(() -> kv.put(put("a", 10))));
        seen.add("grant: " + answer(() -> grant(channel)));
        seen.add(
                "txn with put: "
                        + answer(() ->
                                kv.txn(
                                        txn(
                                                RequestOp.newBuilder()
                                                        .setRequestPut(put("a", 10))
                                                        .build()))));
        seen.add(
                "txn with range: "
                        + answer(() ->
                                kv.txn(
                                        txn(
                                                RequestOp.newBuilder()
                                                        .setRequestRange(range("a"))
                                                        .build()))));
        seen.add("range: " + answer(() -> kv.range(range("a"))));
        seen.add("alarms: " + alarms(channel));
        seen.add(
                "errors: "
                        + maintenance
                                .status(StatusRequest.getDefaultInstance())
                                .getErrorsList()
                                .stream()
                                .map(error -> error.replaceAll("\\d+", "N").replaceAll(" +", " "))
                                .toList());
        long deleted = kv.deleteRange(delete("fill/")).getHeader().getRevision();
        seen.add("deletes take a revision: " + (deleted > revision));
        seen.add("compact: " + answer(() -> kv.compact(compact(deleted))));
        seen.add("put before disarming: " + answer(() -> kv.put(put("a", 10))));
        seen.add(
                "defragment: "
                        + answer(() ->
                                maintenance.defragment(DefragmentRequest.getDefaultInstance())));
        seen.add("disarmed: " + disarm(channel));
        seen.add("put after: " + answer(() -> kv.put(put("a", 10))));
        seen.add("alarms after: " + alarms(channel));
        return seen;
    }

    @Test
    void alarmIsOneTenantsAndEndsByItselfIfThePolicySaysSo() {
        TestCluster lattice = CLUSTERS.plain("healing", new LatticeKind(TENANTS), 3);
        Channel healing = TenantChannels.of(lattice, 0, "healing");
        KVGrpc.KVBlockingStub kv = KVGrpc.newBlockingStub(healing);

        fill(kv);

        assertThat(answer(() -> kv.put(put("a", 10)))).contains("database space exceeded");
        for (int node = 0; node < 3; node++) {
            for (String tenant : List.of("default", "roomy")) {
                Channel other = TenantChannels.of(lattice, node, tenant);
                assertThat(answer(() -> KVGrpc.newBlockingStub(other).put(put("a", 10))))
                        .isEqualTo("OK");
                assertThat(alarms(other)).isEmpty();
            }
        }
        long deleted = kv.deleteRange(delete("fill/")).getHeader().getRevision();
        var _ = kv.compact(compact(deleted));
        Await.until(
                "writes go on without an operator",
                LIMIT,
                () -> answer(() -> kv.put(put("a", 10))).equals("OK"),
                lattice::logTails);
        assertThat(alarms(healing)).isEmpty();
    }

    /// Puts until the store is full, and returns the revision then.
    private static long fill(KVGrpc.KVBlockingStub kv) {
        Random random = new Random(1);
        long revision = 0;
        for (int i = 0; i < PUTS_MAX; i++) {
            byte[] value = new byte[VALUE_BYTES];
            random.nextBytes(value);
            PutRequest put =
                    PutRequest.newBuilder()
                            .setKey(ByteString.copyFromUtf8("fill/" + i))
                            .setValue(ByteString.copyFrom(value))
                            .build();
            try {
                revision = kv.put(put).getHeader().getRevision();
            } catch (StatusRuntimeException e) {
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
                assertThat(i).isGreaterThan(5);
                return revision;
            }
        }
        throw new AssertionError(PUTS_MAX + " MiB went into " + QUOTA_BYTES + " bytes");
    }

    private static String answer(Supplier<?> call) {
        try {
            var _ = call.get();
            return "OK";
        } catch (StatusRuntimeException e) {
            return e.getStatus().getCode() + " " + e.getStatus().getDescription();
        }
    }

    private static Object grant(Channel channel) {
        return LeaseGrpc.newBlockingStub(channel)
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .leaseGrant(LeaseGrantRequest.newBuilder().setTTL(100).build());
    }

    private static List<AlarmType> alarms(Channel channel) {
        return MaintenanceGrpc.newBlockingStub(channel)
                .alarm(AlarmRequest.getDefaultInstance())
                .getAlarmsList()
                .stream()
                .map(alarm -> alarm.getAlarm())
                .toList();
    }

    /// As etcdctl does it.
    private static List<AlarmType> disarm(Channel channel) {
        var maintenance = MaintenanceGrpc.newBlockingStub(channel);
        List<AlarmType> disarmed = new ArrayList<>();
        for (var alarm : maintenance.alarm(AlarmRequest.getDefaultInstance()).getAlarmsList()) {
            maintenance
                    .alarm(
                            AlarmRequest.newBuilder()
                                    .setAction(AlarmAction.DEACTIVATE)
                                    .setMemberID(alarm.getMemberID())
                                    .setAlarm(alarm.getAlarm())
                                    .build())
                    .getAlarmsList()
                    .forEach(cleared -> disarmed.add(cleared.getAlarm()));
        }
        return disarmed;
    }

    private static PutRequest put(String key, int bytes) {
        return PutRequest.newBuilder()
                .setKey(ByteString.copyFromUtf8(key))
                .setValue(ByteString.copyFrom(new byte[bytes]))
                .build();
    }

    private static RangeRequest range(String key) {
        return RangeRequest.newBuilder().setKey(ByteString.copyFromUtf8(key)).build();
    }

    private static DeleteRangeRequest delete(String prefix) {
        return DeleteRangeRequest.newBuilder()
                .setKey(ByteString.copyFromUtf8(prefix))
                .setRangeEnd(ByteString.copyFromUtf8("fill0"))
                .build();
    }

    private static CompactionRequest compact(long revision) {
        return CompactionRequest.newBuilder().setRevision(revision).setPhysical(true).build();
    }

    private static TxnRequest txn(RequestOp operation) {
        return TxnRequest.newBuilder().addSuccess(operation).build();
    }
}
