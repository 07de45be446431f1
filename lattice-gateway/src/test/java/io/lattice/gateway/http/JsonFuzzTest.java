package io.lattice.gateway.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.ServerMethodDefinition;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/// Any body of the JSON gateway becomes requests or is refused as not fitting; nothing else is thrown. The first byte says
/// for which method.
class JsonFuzzTest {
    private static final List<JsonMethod> METHODS = methods();

    private static List<JsonMethod> methods() {
        List<JsonMethod> methods = new ArrayList<>();
        new FakeNode()
                .services()
                .forEach(service ->
                        service.getMethods()
                                .forEach(served ->
                                        methods.add(
                                                JsonMethod.of(
                                                        served.getMethodDescriptor(), served))));
        methods.sort(Comparator.comparing(JsonMethod::name));
        return methods;
    }

    @FuzzTest(maxDuration = "5s")
    void anyBody(byte[] data) {
        if (data.length == 0) {
            return;
        }
        JsonMethod method = METHODS.get(Byte.toUnsignedInt(data[0]) % METHODS.size());
        ServerMethodDefinition<?, ?> served = method.served();
        byte[] body = Arrays.copyOfRange(data, 1, data.length);

        List<String> values = JsonValues.split(body);

        String text = new String(body, StandardCharsets.UTF_8);
        int at = 0;
        for (String value : values) {
            int found = text.indexOf(value, at);
            assertThat(text.substring(at, found)).isBlank();
            at = found + value.length();
            try {
                assertThat(method.parse(served, value)).isNotNull();
            } catch (InvalidProtocolBufferException refused) {
                assertThat(refused).hasMessageMatching("(?s).+");
            }
        }
        assertThat(text.substring(at)).isBlank();
    }
}
