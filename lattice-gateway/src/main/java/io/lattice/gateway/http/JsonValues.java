package io.lattice.gateway.http;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Cuts a text of JSON objects that follow each other into the objects; what is in them is for a parser.
final class JsonValues {
    private JsonValues() {}

    /// The objects of a request's body, in order. What isn't an object comes as a last value, up to the end of the text.
    static List<String> split(byte[] body) {
        String text = new String(body, StandardCharsets.UTF_8);
        List<String> values = new ArrayList<>();
        int at = afterSpace(text, 0);
        while (at < text.length()) {
            int end = text.charAt(at) == '{' ? objectEnd(text, at) : text.length();
            values.add(text.substring(at, end));
            at = afterSpace(text, end);
        }
        return values;
    }

    private static int afterSpace(String text, int from) {
        int at = from;
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        return at;
    }

    /// Behind the brace that closes the object, or the end of the text if there is none.
    private static int objectEnd(String text, int start) {
        int depth = 0;
        boolean quoted = false;
        boolean escaped = false;
        for (int i = start; i < text.length(); i++) {
            char c = text.charAt(i);
            if (escaped) {
                escaped = false;
            } else if (quoted) {
                escaped = c == '\\';
                quoted = c != '"';
            } else if (c == '"') {
                quoted = true;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if (c == '}' || c == ']') {
                depth--;
                if (depth == 0) {
                    return i + 1;
                }
            }
        }
        return text.length();
    }
}
