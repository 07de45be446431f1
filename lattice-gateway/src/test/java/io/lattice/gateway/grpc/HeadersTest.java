package io.lattice.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.lattice.proto.etcdserverpb.ResponseHeader;
import org.junit.jupiter.api.Test;

final class HeadersTest {
    private final Headers headers = new Headers(7, "n1", () -> 3);

    @Test
    void completesWhatTheStateMachineMade() {
        ResponseHeader made = ResponseHeader.newBuilder().setRevision(12).build();

        assertThat(headers.complete(made))
                .isEqualTo(
                        ResponseHeader.newBuilder()
                                .setClusterId(7)
                                .setMemberId(Headers.id("n1"))
                                .setRevision(12)
                                .setRaftTerm(3)
                                .build());
    }

    @Test
    void noAnswerOfAKeyspaceLacksARevision() {
        assertThatIllegalStateException()
                .isThrownBy(() -> headers.complete(ResponseHeader.getDefaultInstance()))
                .withMessage("an answer at revision 0, the lowest is 1");
        assertThat(headers.withoutRevision().getRevision()).isZero();
    }
}
