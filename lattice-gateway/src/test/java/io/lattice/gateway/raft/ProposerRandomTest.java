package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Random lives of a node: leaders come and go, entries are refused, lost, or appended without an answer. Whatever
/// happens, no command is in the log twice and every caller is told once. `-Dlattice.seed=N` replays one life.
@Timeout(120)
class ProposerRandomTest {
    private static final int SEEDS = 30;
    private static final int STEPS = 120;
    private static final long ORIGIN = 42;
    private static final int PAUSE_US = 2_000;

    static LongStream seeds() {
        Long given = Long.getLong("lattice.seed");
        return given != null
                ? LongStream.of(given)
                : ThreadLocalRandom.current().longs(SEEDS, 0, 1L << 32);
    }

    @ParameterizedTest(name = "-Dlattice.seed={0}")
    @MethodSource("seeds")
    void everyCallerIsToldOnceAndNothingIsAppendedTwice(long seed) {
        Life life = new Life(new Random(seed));
        try {
            life.live();
            life.settle();
        } finally {
            life.proposer.stop();
        }

        assertThat(life.log).doesNotHaveDuplicates();
        assertThat(life.told.keySet()).hasSize(life.proposed);
        life.told.forEach((key, answers) -> {
            assertThat(answers).as(key).hasSize(1);
            String answer = answers.getFirst();
            if (answer.startsWith("gets ")) {
                assertThat(answer).isEqualTo("gets " + key);
                assertThat(life.log).contains(key);
            } else if (answer.equals(ProposalFailure.TOO_MANY_REQUESTS.toString())) {
                assertThat(life.log).doesNotContain(key);
            }
        });
    }

    /// One node, and the rest of the group as the random source has it.
    private static final class Life {
        private final Random random;
        private final FakeStanding standing = new FakeStanding();
        private final FakePeers peers = new FakePeers();
        private final FakeSink sink = new FakeSink();
        private final Map<String, List<String>> told = Collections.synchronizedMap(new HashMap<>());
        private final List<String> log = new ArrayList<>();
        private final Proposer proposer =
                new Proposer(
                        standing,
                        peers,
                        sink,
                        new FakeNews(),
                        TestSettings.single(Path.of("unused"), FakeStanding.SELF),
                        Runnable::run,
                        ORIGIN);
        private long lastIndex;
        private int proposed;

        Life(Random random) {
            this.random = random;
            proposer.start(Throwable::printStackTrace);
        }

        void live() {
            for (int i = 0; i < STEPS; i++) {
                switch (random.nextInt(6)) {
                    case 0, 1, 2 -> propose();
                    case 3 -> decideSubmitted(random.nextInt(5));
                    case 4 -> decideForwarded(random.nextInt(5));
                    default -> changeLeader();
                }
            }
        }

        /// A quiet time with a healthy leader: this node.
        void settle() {
            standing.leads(standing.term() + 1);
            proposer.leaderChanged();
            configuration();
            while (told.size() < proposed) {
                decideSubmitted(0);
                decideForwarded(4);
                configuration();
            }
        }

        private void propose() {
            String key = "k" + proposed++;
            proposer.propose(
                    Command.newBuilder()
                            .setKeyspace(random.nextInt(3))
                            .setPut(PutRequest.newBuilder().setKey(ByteString.copyFromUtf8(key)))
                            .build(),
                    new Proposer.Completion() {
                        @Override
                        public void done(Outcome outcome) {
                            Outcome.Applied applied = (Outcome.Applied) outcome;
                            PutResponse response = (PutResponse) applied.response();
                            tell(key, "gets " + response.getPrevKv().getKey().toStringUtf8());
                        }

                        @Override
                        public void failed(ProposalFailure failure) {
                            tell(key, failure.toString());
                        }
                    });
        }

        private void tell(String key, String answer) {
            told.computeIfAbsent(key, k -> Collections.synchronizedList(new ArrayList<>()))
                    .add(answer);
        }

        private void decideSubmitted(int fate) {
            FakeSink.Submitted entry = sink.poll();
            if (entry == null) {
                return;
            }
            switch (fate) {
                case 0, 1 -> apply(entry.batch());
                case 2 -> entry.notAppended();
                default -> {
                    if (!entry.message().beginAppend(standing.term())) {
                        entry.notAppended();
                        return;
                    }
                    entry.leaderLost();
                    if (fate != 3) {
                        apply(entry.batch());
                    }
                }
            }
        }

        private void decideForwarded(int fate) {
            FakePeers.Asked asked = peers.poll();
            if (asked == null) {
                return;
            }
            CommandBatch batch = CommandBatch.newBuilder().addProposals(asked.proposal()).build();
            switch (fate) {
                case 0 -> {
                    apply(batch);
                    asked.committed(0, 0, random.nextInt(3) * PAUSE_US);
                }
                case 1 -> {
                    asked.committed(standing.term(), lastIndex + 1, random.nextInt(3) * PAUSE_US);
                    apply(batch);
                }
                case 2 -> {
                    asked.lost();
                    apply(batch);
                }
                case 3 -> asked.forwarded(ForwardReply.Result.UNDECIDED);
                default -> asked.forwarded(ForwardReply.Result.NOT_APPENDED);
            }
        }

        private void changeLeader() {
            long term = standing.term() + 1;
            switch (random.nextInt(4)) {
                case 0 -> standing.leads(term);
                case 1 -> standing.follows(null, term);
                default -> standing.follows("n" + (2 + random.nextInt(2)), term);
            }
            proposer.leaderChanged();
            if (random.nextBoolean()) {
                configuration();
            }
        }

        private void configuration() {
            proposer.advanced(new LogPosition(standing.term(), ++lastIndex));
        }

        private void apply(CommandBatch batch) {
            List<List<Outcome>> outcomes = new ArrayList<>();
            for (Proposal proposal : batch.getProposalsList()) {
                List<Outcome> own = new ArrayList<>();
                for (Command command : proposal.getCommandsList()) {
                    log.add(FakeSink.Submitted.key(command));
                    PutResponse.Builder response = PutResponse.newBuilder();
                    response.getPrevKvBuilder().setKey(command.getPut().getKey());
                    own.add(new Outcome.Applied(response.build(), 1));
                }
                outcomes.add(own);
            }
            proposer.applied(new LogPosition(standing.term(), ++lastIndex), batch, outcomes);
        }
    }
}
