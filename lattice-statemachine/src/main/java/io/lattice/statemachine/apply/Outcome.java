package io.lattice.statemachine.apply;

import com.google.protobuf.Message;

/// What became of one command. Every replica comes to the same one.
public sealed interface Outcome {
    /// The command took effect.
    ///
    /// @param response the response message of the command's RPC, its headers holding revisions only; the gateway fills in
    ///     the rest. For a `publish_member` command the command itself
    /// @param revision the keyspace's newest revision right after the command
    record Applied(Message response, long revision) implements Outcome {}

    /// The command changed nothing.
    ///
    /// @param refusal what to answer
    record Refused(Refusal refusal) implements Outcome {}
}
