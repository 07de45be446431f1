package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lattice.gateway.raft.GroupSettings.PeerAddress;
import io.lattice.proto.peer.PeerReply;
import io.lattice.proto.peer.ProbeReply;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A node without a log that asks others who are played by the test.
@Timeout(60)
class FormationTest {
    private static final PeerAddress SELF = new PeerAddress("n1", "127.0.0.1", 1);
    private static final PeerAddress OTHER = new PeerAddress("n2", "127.0.0.1", 2);
    private static final String OTHER_IDENTITY = "n2~b";
    private static final String IDENTITY = "n1~a";

    private final RaftSettings settings = TestSettings.single(Path.of("unused"), "n1");
    private final FakePeers peers = new FakePeers();
    private final AtomicBoolean stopping = new AtomicBoolean();
    private final AtomicInteger rounds = new AtomicInteger();
    private volatile List<PeerAddress> members = List.of(SELF, OTHER);

    @AfterEach
    void stop() {
        stopping.set(true);
    }

    private GroupSettings group() {
        rounds.incrementAndGet();
        return new GroupSettings("test", TestSettings.GROUP, members);
    }

    private CompletableFuture<Optional<List<String>>> founders() {
        Formation formation = new Formation(settings, this::group, peers, IDENTITY, stopping::get);
        return CompletableFuture.supplyAsync(() -> {
            try {
                return formation.founders();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private static void answerWithoutLog(FakePeers.Asked probe) {
        probe.callback()
                .accept(
                        PeerReply.newBuilder()
                                .setProbe(
                                        ProbeReply.newBuilder()
                                                .setRaftId(OTHER_IDENTITY)
                                                .setClusterId(TestSettings.GROUP.toString())
                                                .addVoters("n1")
                                                .addVoters("n2"))
                                .build());
    }

    @Test
    void whoWaitedForOthersNeverFoundsAlone() throws Exception {
        CompletableFuture<Optional<List<String>>> founders = founders();
        FakePeers.Asked probe = peers.next("n2");
        members = List.of(SELF);
        probe.lost();

        int seen = rounds.get();
        await().until(() -> rounds.get() >= seen + 2);

        assertThat(founders).isNotDone();
        members = List.of(SELF, OTHER);
        answerWithoutLog(peers.next("n2"));
        assertThat(founders.get(10, TimeUnit.SECONDS)).contains(List.of(IDENTITY, OTHER_IDENTITY));
    }

    @Test
    void whoIsAloneFromTheBeginningFounds() throws Exception {
        members = List.of(SELF);

        assertThat(founders().get(10, TimeUnit.SECONDS)).contains(List.of(IDENTITY));
    }
}
