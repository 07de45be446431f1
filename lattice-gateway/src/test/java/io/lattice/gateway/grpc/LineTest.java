package io.lattice.gateway.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LineTest {
    /// What Go's `%s%x` makes of name, slash and lease.
    @ParameterizedTest
    @CsvSource({
        "door, 1, door/1",
        "door, 7587857031050867717, door/694d7bc47e3cb405",
        "door, 9223372036854775807, door/7fffffffffffffff",
        "door, -31, door/-1f",
        "door, -9223372036854775808, door/-8000000000000000",
        "a/b, 255, a/b/ff",
        "'', 16, /10"
    })
    void aPlaceHasTheKeyThatEtcdsClientGivesIt(String name, long lease, String key) {
        assertThat(Line.of(ByteString.copyFromUtf8(name)).key(lease).toStringUtf8()).isEqualTo(key);
    }
}
