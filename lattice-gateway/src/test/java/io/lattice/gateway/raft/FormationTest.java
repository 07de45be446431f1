package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.ProbeReply;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A node without a log that asks others who are played by the test.
@Timeout(60)
class FormationTest {
    private static final PeerAddress SELF = new PeerAddress("n1", "127.0.0.1", 1);
    private static final PeerAddress OTHER = new PeerAddress("n2", "127.0.0.1", 2);
    private static final String OTHER_IDENTITY = "n2~b";
    private static final String OTHER_ADDRESS = "127.0.0.1:2";
    private static final PeerAddress THIRD = new PeerAddress("n4", "127.0.0.1", 4);
    private static final String IDENTITY = "n1~a";

    private final RaftSettings settings = TestSettings.single(Path.of("unused"), "n1");
    private final FakePeers peers = new FakePeers();
    private final AtomicBoolean stopping = new AtomicBoolean();
    private final AtomicReference<List<String>> agreed = new AtomicReference<>(List.of());
    private volatile List<PeerAddress> members = List.of(SELF, OTHER);

    @AfterEach
    void stop() {
        stopping.set(true);
    }

    private GroupSettings group() {
        return new GroupSettings("test", TestSettings.GROUP, members);
    }

    private CompletableFuture<Optional<List<String>>> founders() {
        Formation formation =
                new Formation(settings, this::group, peers, IDENTITY, agreed::set, stopping::get);
        return CompletableFuture.supplyAsync(() -> {
            try {
                return formation.founders();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    /// As [#founders], with other members from the second round on. In the first one n2 doesn't answer.
    private CompletableFuture<Optional<List<String>>> foundersAfterChangeTo(
            List<PeerAddress> changed) {
        CompletableFuture<Optional<List<String>>> founders = founders();
        FakePeers.Asked first = peers.next("n2");
        members = changed;
        first.lost();
        return founders;
    }

    private static ProbeReply.Builder probe(String identity, String... voters) {
        return ProbeReply.newBuilder()
                .setRaftId(identity)
                .setClusterId(TestSettings.GROUP.toString())
                .addAllVoters(List.of(voters));
    }

    private void answer(String peer, ProbeReply.Builder probe) {
        peers.next(peer).callback().accept(PeerReply.newBuilder().setProbe(probe).build());
    }

    @Test
    void whoWaitedForAnotherFoundsAloneOnlyWhenThatOneHasNoLog() throws Exception {
        CompletableFuture<Optional<List<String>>> founders = foundersAfterChangeTo(List.of(SELF));

        peers.next(OTHER_ADDRESS).lost();
        peers.next(OTHER_ADDRESS).lost();
        assertThat(founders).isNotDone();
        assertThat(agreed.get()).as("what others are told").isEmpty();
        answer(OTHER_ADDRESS, probe(OTHER_IDENTITY));

        assertThat(founders.get(10, TimeUnit.SECONDS)).contains(List.of(IDENTITY));
    }

    @Test
    void whoWaitedForAnotherFoundsWithAThirdOnlyWhenThatOneHasNoLog() throws Exception {
        CompletableFuture<Optional<List<String>>> founders =
                foundersAfterChangeTo(List.of(SELF, THIRD));

        peers.next(OTHER_ADDRESS).lost();
        answer("n4", probe("n4~d", "n1", "n4"));
        answer(OTHER_ADDRESS, probe(OTHER_IDENTITY).setFormed(true).addFounders(OTHER_IDENTITY));
        answer("n4", probe("n4~d", "n1", "n4"));
        answer(OTHER_ADDRESS, probe(OTHER_IDENTITY, "n1", "n2"));
        answer("n4", probe("n4~d", "n1", "n4"));
        assertThat(founders).as("n2 may have data, has data, would found it").isNotDone();
        assertThat(agreed.get()).as("what others are told").isEmpty();
        answer(OTHER_ADDRESS, probe(OTHER_IDENTITY));
        answer("n4", probe("n4~d", "n1", "n4"));

        assertThat(founders.get(10, TimeUnit.SECONDS)).contains(List.of(IDENTITY, "n4~d"));
        assertThat(agreed.get()).containsExactly("n1", "n4");
    }

    @Test
    void whoWouldFoundNothingIsWaitedFor() throws Exception {
        CompletableFuture<Optional<List<String>>> founders = founders();

        answer("n2", probe(OTHER_IDENTITY));
        FakePeers.Asked second = peers.next("n2");
        assertThat(founders).isNotDone();
        second.lost();
        answer("n2", probe(OTHER_IDENTITY, "n1", "n2"));

        assertThat(founders.get(10, TimeUnit.SECONDS)).contains(List.of(IDENTITY, OTHER_IDENTITY));
    }

    @Test
    void whoIsNotToBeAMemberAnyMoreFoundsNothing() throws Exception {
        CompletableFuture<Optional<List<String>>> founders =
                foundersAfterChangeTo(List.of(OTHER, THIRD));

        answer("n2", probe(OTHER_IDENTITY, "n2", "n4"));
        answer("n4", probe("n4~d", "n2", "n4"));
        answer("n2", probe(OTHER_IDENTITY).setFormed(true).addFounders(OTHER_IDENTITY));
        answer("n4", probe("n4~d", "n2", "n4"));
        FakePeers.Asked next = peers.next("n2");

        assertThat(founders).isNotDone();
        assertThat(agreed.get()).as("what others are told").isEmpty();
        next.lost();
    }

    @Test
    void whoMovedToAnotherAddressIsAskedAtBoth() throws Exception {
        CompletableFuture<Optional<List<String>>> founders =
                foundersAfterChangeTo(List.of(SELF, new PeerAddress("n2", "127.0.0.1", 22)));

        peers.next(OTHER_ADDRESS).lost();
        answer("n2", probe("n2~new", "n1", "n2"));
        FakePeers.Asked former = peers.next(OTHER_ADDRESS);
        assertThat(founders).isNotDone();
        former.lost();
    }

    @Test
    void whoIsAloneFromTheBeginningFounds() throws Exception {
        members = List.of(SELF);

        assertThat(founders().get(10, TimeUnit.SECONDS)).contains(List.of(IDENTITY));
    }
}
