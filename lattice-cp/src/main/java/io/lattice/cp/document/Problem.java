package io.lattice.cp.document;

/// Something wrong with a manifest.
///
/// @param document the key of the document, or the file that it stands in; empty if it is about the manifest as a whole
/// @param field path of the field, such as `quotas.requestsPerSecond`; empty if it is about the document as a whole
/// @param found the offending value
/// @param allowed what would do
public record Problem(String document, String field, String found, String allowed) {
    private static final int SHOWN_CHARACTERS_MAX = 120;

    public Problem {
        found = shorten(found);
    }

    private static String shorten(String text) {
        return text.length() <= SHOWN_CHARACTERS_MAX
                ? text
                : text.substring(0, SHOWN_CHARACTERS_MAX) + "…";
    }

    @Override
    public String toString() {
        String place = field.isEmpty() ? document : document + ": " + field;
        return (place.isEmpty() ? "manifest" : place) + ": found " + found + "; allowed " + allowed;
    }
}
