package io.lattice.gateway.raft;

import com.google.protobuf.ByteString;
import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.proto.command.Proposal;
import io.lattice.proto.etcdserverpb.PutRequest;
import io.lattice.proto.etcdserverpb.PutResponse;
import io.lattice.proto.peer.ForwardReply;
import io.lattice.proto.peer.ForwardRequest;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.apply.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/// A proposer among fakes, and what its callers are told.
abstract class ProposerFixture {
    static final long ORIGIN = 42;
    static final long OTHER_ORIGIN = 43;
    static final int TENANT = 1;
    static final long TIMEOUT_NANOS = TestSettings.REQUEST_TIMEOUT.toNanos();

    final FakeStanding standing = new FakeStanding();
    final FakePeers peers = new FakePeers();
    final FakeSink sink = new FakeSink();
    final FakeNews news = new FakeNews();
    final List<String> told = Collections.synchronizedList(new ArrayList<>());
    final List<ForwardReply.Result> forwards = Collections.synchronizedList(new ArrayList<>());
    final List<ForwardReply> replies = Collections.synchronizedList(new ArrayList<>());
    final Proposer proposer;
    private long lastIndex = 10;

    ProposerFixture() {
        this(TestSettings.BATCH_WAIT_MAX);
    }

    ProposerFixture(Duration batchWaitMax) {
        proposer =
                new Proposer(
                        standing,
                        peers,
                        sink,
                        news,
                        TestSettings.waiting(FakeStanding.SELF, batchWaitMax),
                        Runnable::run,
                        ORIGIN);
    }

    @BeforeEach
    void start() {
        proposer.start(Throwable::printStackTrace);
    }

    @AfterEach
    void stop() {
        proposer.stop();
    }

    static Command put(String key, int valueBytes) {
        return put(TENANT, key, valueBytes);
    }

    private static Command put(int keyspace, String key, int valueBytes) {
        return Command.newBuilder()
                .setKeyspace(keyspace)
                .setPut(
                        PutRequest.newBuilder()
                                .setKey(ByteString.copyFromUtf8(key))
                                .setValue(ByteString.copyFrom(new byte[valueBytes])))
                .build();
    }

    void propose(String key) {
        propose(key, 1);
    }

    /// What the caller is told ends up in `told` as the key and the outcome, which names the key that it is for.
    void propose(String key, int valueBytes) {
        propose(TENANT, key, valueBytes);
    }

    void proposeFor(int keyspace, String key) {
        propose(keyspace, key, 1);
    }

    private void propose(int keyspace, String key, int valueBytes) {
        proposer.propose(
                put(keyspace, key, valueBytes),
                new Proposer.Completion() {
                    @Override
                    public void done(Outcome outcome) {
                        told.add(key + " gets " + keyOf(outcome));
                    }

                    @Override
                    public void failed(ProposalFailure failure) {
                        told.add(key + " " + failure);
                    }
                });
    }

    static String keyOf(Outcome outcome) {
        return switch (outcome) {
            case Outcome.Applied applied ->
                    ((PutResponse) applied.response()).getPrevKv().getKey().toStringUtf8();
            case Outcome.Refused refused -> refused.refusal().toString();
        };
    }

    private static Outcome outcomeFor(Command command) {
        PutResponse.Builder response = PutResponse.newBuilder();
        response.getPrevKvBuilder().setKey(command.getPut().getKey());
        return new Outcome.Applied(response.build(), 1);
    }

    /// Applies an entry as the state machine would, in the current term.
    void apply(CommandBatch batch) {
        apply(standing.term(), batch);
    }

    void apply(long term, CommandBatch batch) {
        List<List<Outcome>> outcomes = new ArrayList<>();
        for (Proposal proposal : batch.getProposalsList()) {
            outcomes.add(
                    proposer.isOrigin(proposal.getOrigin())
                            ? proposal.getCommandsList().stream()
                                    .map(ProposerFixture::outcomeFor)
                                    .toList()
                            : List.of());
        }
        proposer.applied(new LogPosition(term, ++lastIndex), batch, outcomes);
    }

    /// The entry that is applied next is committed.
    void commit(CommandBatch batch) {
        proposer.committed(new LogPosition(standing.term(), lastIndex + 1), batch);
    }

    /// An entry of a new leader without commands.
    void applyConfiguration(long term) {
        proposer.advanced(new LogPosition(term, ++lastIndex));
    }

    static Proposal foreign(long sequence, String key) {
        return Proposal.newBuilder()
                .setOrigin(OTHER_ORIGIN)
                .setSequence(sequence)
                .addCommands(put(key, 1))
                .build();
    }

    void forward(long sequence, String key) {
        forward(standing.term(), sequence, key);
    }

    /// Another node's, sent in a term.
    void forward(long term, long sequence, String key) {
        forward(term, sequence, key, false);
    }

    /// @param mayWait whether it is of tenants that have a stream
    void forward(long term, long sequence, String key, boolean mayWait) {
        proposer.forward(
                ForwardRequest.newBuilder()
                        .setProposal(foreign(sequence, key))
                        .setRaftId("n2~1")
                        .setTerm(term)
                        .setMayWait(mayWait)
                        .build(),
                reply -> {
                    forwards.add(reply.getResult());
                    replies.add(reply);
                });
    }

    static CommandBatch batch(Proposal proposal) {
        return CommandBatch.newBuilder().addProposals(proposal).build();
    }

    static long afterTimeout() {
        return System.nanoTime() + TIMEOUT_NANOS + 1;
    }
}
