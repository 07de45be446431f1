package io.lattice.it.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.lattice.it.Clusters;
import io.lattice.it.cluster.Await;
import io.lattice.it.cluster.ControlPlane;
import io.lattice.it.cluster.TestCluster;
import io.lattice.it.watch.WatchRecorder;
import io.lattice.proto.etcdserverpb.LeaseGrantRequest;
import io.lattice.proto.etcdserverpb.LeaseGrpc;
import io.lattice.proto.etcdserverpb.LeaseRevokeRequest;
import io.lattice.proto.etcdserverpb.Member;
import io.lattice.proto.etcdserverpb.MemberListRequest;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.RangeRequest;
import io.lattice.proto.etcdserverpb.RangeResponse;
import io.lattice.proto.etcdserverpb.WatchCreateRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/// Two voters and a listener by the manifest of an etcd. The listener becomes a voter, and a voter a listener, which leaves.
class ListenersTest {
    @RegisterExtension static final Clusters CLUSTERS = new Clusters();

    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final long SECONDS = 20;
    private static final ByteString KEY = ByteString.copyFromUtf8("k");
    private static final int LISTENER = 2;

    private ControlPlane cp;
    private TestCluster lattice;

    private void start() {
        cp = CLUSTERS.controlPlane();
        lattice = CLUSTERS.placed(cp);
        cp.putGroup("g1", lattice, List.of(0, 1), List.of(LISTENER));
        cp.putTenant("default", "g1");
        lattice.startAll();
    }

    @Test
    void aListenerServesAndDoesNotCountUntilItIsAVoter() throws Exception {
        start();
        awaitMembers(0, List.of(0, 1), List.of(LISTENER));
        awaitMembers(LISTENER, List.of(0, 1), List.of(LISTENER));

        itServesWhatAClientAsksFor();
        itIsNotMissedWhenItIsKilled();
        withoutAMajorityOfTheVotersItIsOfNoHelp();
        itCountsWhenItIsAVoter();
        int out = theLeaderBecomesAListenerAndLeaves();
        aListenerThatIsMadeAVoterWhileItIsAwayComesBackAsOne(out);
    }

    private void itServesWhatAClientAsksFor() {
        try (WatchRecorder watch =
                WatchRecorder.openWithLeader(lattice.client(LISTENER).channel())) {
            watch.create(WatchCreateRequest.newBuilder().setKey(KEY));
            watch.await("the watch is there", w -> !w.responses().isEmpty());
            put(LISTENER, "by the listener");
            assertThat(get(0)).isEqualTo("by the listener");
            put(0, "by a voter");
            assertThat(get(LISTENER)).isEqualTo("by a voter");
            watch.await("both events came", w -> w.events(0).size() == 2);
        }
        long lease =
                leases(LISTENER)
                        .leaseGrant(LeaseGrantRequest.newBuilder().setTTL(600).build())
                        .getID();
        lattice.client(LISTENER)
                .kv(SECONDS)
                .put(
                        PutRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8("leased"))
                                .setLease(lease)
                                .build());
        leases(0).leaseRevoke(LeaseRevokeRequest.newBuilder().setID(lease).build());
        assertThat(range(LISTENER, "leased", false).getKvsCount()).isZero();
    }

    private void itIsNotMissedWhenItIsKilled() {
        lattice.kill(LISTENER);
        put(0, "while it is away");
        lattice.startNode(LISTENER);
        lattice.awaitReady(LISTENER);
        awaitMembers(LISTENER, List.of(0, 1), List.of(LISTENER));
        assertThat(get(LISTENER)).isEqualTo("while it is away");
    }

    private void withoutAMajorityOfTheVotersItIsOfNoHelp() {
        int leader = lattice.awaitLeader();
        lattice.kill(1 - leader);
        for (int node : List.of(leader, LISTENER)) {
            Await.until(
                    "node " + node + " knows no leader",
                    LIMIT,
                    () -> lattice.client(node).status().getLeader() == 0,
                    lattice::logTails);
        }
        assertThat(
                        catchThrowableOfType(
                                        StatusRuntimeException.class,
                                        () ->
                                                lattice.client(LISTENER)
                                                        .kv(SECONDS)
                                                        .withInterceptors(
                                                                WatchRecorder.wantsLeader())
                                                        .put(putOf("lost")))
                                .getStatus()
                                .getCode())
                .isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(range(LISTENER, "k", true).getKvs(0).getValue().toStringUtf8())
                .isEqualTo("while it is away");
        lattice.startNode(1 - leader);
        lattice.awaitReady(1 - leader);
        lattice.awaitReady(LISTENER);
        put(LISTENER, "a majority is back");
    }

    private void itCountsWhenItIsAVoter() {
        cp.putGroup("g1", lattice, 0, 1, LISTENER);
        for (int node = 0; node < 3; node++) {
            awaitMembers(node, List.of(0, 1, LISTENER), List.of());
        }
        int leader = lattice.awaitLeader();
        int other = (leader + 1) % 3;
        lattice.kill(leader);
        Await.until(
                "the two others have a leader",
                LIMIT,
                () -> put(other, "with its vote") > 0,
                lattice::logTails);
        lattice.startNode(leader);
        lattice.awaitReady(leader);
    }

    private int theLeaderBecomesAListenerAndLeaves() throws Exception {
        int demoted = lattice.awaitLeader();
        List<Integer> voters = IntStream.range(0, 3).filter(i -> i != demoted).boxed().toList();
        cp.putGroup("g1", lattice, voters, List.of(demoted));
        for (int node = 0; node < 3; node++) {
            awaitMembers(node, voters, List.of(demoted));
        }
        assertThat(put(demoted, "listening")).isPositive();
        assertThat(get(voters.getFirst())).isEqualTo("listening");
        assertThat(leftBehind(demoted)).hasSize(demoted == LISTENER ? 2 : 1);

        cp.putGroup("g1", lattice, voters, List.of());
        for (int voter : voters) {
            awaitMembers(voter, voters, List.of());
        }
        int before = demoted == LISTENER ? 2 : 1;
        Await.until(
                "what the listener had is put aside",
                LIMIT,
                () -> leftBehind(demoted).size() == before + 1,
                lattice::logTails);
        assertThat(put(voters.getLast(), "without it")).isPositive();
        assertThat(lattice.process(demoted).isAlive()).isTrue();
        return demoted;
    }

    /// It finds that it is leaving its only group as soon as it has opened it.
    private void aListenerThatIsMadeAVoterWhileItIsAwayComesBackAsOne(int node) {
        List<Integer> voters = IntStream.range(0, 3).filter(i -> i != node).boxed().toList();
        cp.putGroup("g1", lattice, voters, List.of(node));
        awaitMembers(node, voters, List.of(node));
        lattice.kill(node);
        cp.putGroup("g1", lattice, 0, 1, 2);
        lattice.startNode(node);

        awaitMembers(node, List.of(0, 1, 2), List.of());

        assertThat(put(node, "back with a vote")).isPositive();
    }

    /// What a node keeps of the times when it was in a group.
    private List<Path> leftBehind(int node) throws IOException {
        try (Stream<Path> left = Files.list(lattice.node(node).directory().resolve("data/left"))) {
            return left.toList();
        }
    }

    /// Waits until a node has these members, and stands among them as it should.
    private void awaitMembers(int node, List<Integer> voters, List<Integer> listeners) {
        Await.until(
                "node %d sees the voters %s and the listeners %s"
                        .formatted(node, voters, listeners),
                LIMIT,
                () -> {
                    List<Member> members =
                            lattice.client(node)
                                    .cluster(SECONDS)
                                    .memberList(
                                            MemberListRequest.newBuilder()
                                                    .setLinearizable(true)
                                                    .build())
                                    .getMembersList();
                    return names(members, false).equals(names(voters))
                            && names(members, true).equals(names(listeners))
                            && lattice.client(node).status().getIsLearner()
                                    == listeners.contains(node);
                },
                lattice::logTails);
    }

    private static List<String> names(List<Member> members, boolean learner) {
        return members.stream()
                .filter(member -> member.getIsLearner() == learner)
                .map(Member::getName)
                .sorted()
                .toList();
    }

    private List<String> names(List<Integer> nodes) {
        return nodes.stream().map(i -> lattice.node(i).name()).sorted().toList();
    }

    private LeaseGrpc.LeaseBlockingStub leases(int node) {
        return LeaseGrpc.newBlockingStub(lattice.client(node).channel())
                .withDeadlineAfter(SECONDS, TimeUnit.SECONDS);
    }

    private static PutRequest putOf(String value) {
        return PutRequest.newBuilder().setKey(KEY).setValue(ByteString.copyFromUtf8(value)).build();
    }

    private long put(int node, String value) {
        return lattice.client(node).kv(SECONDS).put(putOf(value)).getHeader().getRevision();
    }

    private String get(int node) {
        return range(node, KEY.toStringUtf8(), false).getKvs(0).getValue().toStringUtf8();
    }

    private RangeResponse range(int node, String key, boolean serializable) {
        return lattice.client(node)
                .kv(SECONDS)
                .range(
                        RangeRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setSerializable(serializable)
                                .build());
    }
}
