package io.lattice.gateway.grpc;

import com.google.protobuf.Message;
import io.lattice.gateway.raft.ProposalFailure;
import io.lattice.gateway.raft.Proposer;
import io.lattice.statemachine.apply.Outcome;
import java.util.function.Consumer;

/// Answers a unary call with its command's outcome.
///
/// @param answer takes the response if the command was applied
record CommandAnswer(Reply<?> reply, Consumer<Message> answer) implements Proposer.Completion {
    @Override
    public void done(Outcome outcome) {
        switch (outcome) {
            case Outcome.Applied applied -> reply.guard(() -> answer.accept(applied.response()));
            case Outcome.Refused refused -> reply.fail(ErrorMapper.status(refused.refusal()));
        }
    }

    @Override
    public void failed(ProposalFailure failure) {
        reply.fail(ErrorMapper.status(failure));
    }
}
