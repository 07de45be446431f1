package io.lattice.gateway.raft;

import static org.assertj.core.api.Assertions.assertThat;

import io.lattice.proto.command.Command;
import io.lattice.proto.command.CommandBatch;
import io.lattice.statemachine.apply.LogPosition;
import io.lattice.statemachine.raft.BatchMessage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Keeps the entries that a proposer submits until the test decides what becomes of each.
final class FakeSink implements EntrySink {
    private final LinkedBlockingQueue<Submitted> submitted = new LinkedBlockingQueue<>();

    /// What leaders told this node to be committed.
    final List<String> learned = Collections.synchronizedList(new ArrayList<>());

    @Override
    public void submit(BatchMessage message, Consumer<Throwable> failed) {
        submitted.add(new Submitted(message, failed));
    }

    @Override
    public void committed(String leader, LogPosition position) {
        learned.add(leader + " has committed " + position.index() + " of term " + position.term());
    }

    /// The oldest entry not yet taken; waits for it.
    Submitted next() {
        try {
            Submitted next = submitted.poll(10, TimeUnit.SECONDS);
            return Objects.requireNonNull(next, "no entry was submitted");
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /// The oldest entry not yet taken, or null if none comes within a millisecond.
    @Nullable Submitted poll() {
        try {
            return submitted.poll(1, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    boolean isQuiet() {
        return submitted.isEmpty();
    }

    /// One entry on its way into the log.
    record Submitted(BatchMessage message, Consumer<Throwable> failed) {
        CommandBatch batch() {
            return message.batch();
        }

        /// The keys that the entry puts, in order.
        List<String> keys() {
            return batch().getProposalsList().stream()
                    .flatMap(p -> p.getCommandsList().stream())
                    .map(Submitted::key)
                    .toList();
        }

        static String key(Command command) {
            return command.getPut().getKey().toStringUtf8();
        }

        /// Ratis begins to append it, in `term`, as it may.
        void beginAppend(long term) {
            assertThat(message.beginAppend(term)).isTrue();
        }

        void notAppended() {
            failed.accept(new IllegalStateException("not the leader"));
        }

        /// The leader is lost after the entry may have been appended in `term`.
        void undecided(long term) {
            beginAppend(term);
            leaderLost();
        }

        void leaderLost() {
            failed.accept(new IllegalStateException("no longer the leader"));
        }
    }
}
