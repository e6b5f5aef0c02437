-- Rows as version 3 wrote them; tests upgrade them to the newest version.

INSERT INTO builds VALUES (
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'digits',
    '1111111111111111111111111111111111111111111111111111111111111111', 'fp32', NULL, 203728, '2026-01-02T03:04:05Z', NULL,
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '0.1.0', '[]');
INSERT INTO builds VALUES (
    'abababababababababababababababababababababababababababababababab', 'digits',
    '1111111111111111111111111111111111111111111111111111111111111111', 'fp16', 'onnxruntime_cpu', 102400, '2026-01-02T03:04:06Z',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '0.1.0', '["fp16: left in 32 bits: 1 TopK"]');
INSERT INTO artifacts VALUES (
    'abababababababababababababababababababababababababababababababab', 0, 'model.onnx',
    '2222222222222222222222222222222222222222222222222222222222222222', 102400);
INSERT INTO machines VALUES (1, '{"version":2,"arch":"x86_64","cpu_model":"Intel Xeon","cores_logical":4}');
INSERT INTO measurements VALUES (
    1, 'abababababababababababababababababababababababababababababababab', 'onnxruntime_cpu', '1.31.1', 1,
    '[[0.001,0.002]]', '2026-01-02T03:05:00Z', 128);
INSERT INTO tags VALUES ('release', 'abababababababababababababababababababababababababababababababab');
INSERT INTO derivations VALUES (
    'abababababababababababababababababababababababababababababababab', '18446744073709551615',
    '[{"ranges":{"x":{"min":-1.0,"max":1.0}},"channels":{},"in_float":{}}]',
    '3333333333333333333333333333333333333333333333333333333333333333');
INSERT INTO checks VALUES (
    1, 'abababababababababababababababababababababababababababababababab',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'onnxruntime_cpu', '1.31.1',
    '{"cosine":0.99}', '2026-01-02T03:06:00Z');
