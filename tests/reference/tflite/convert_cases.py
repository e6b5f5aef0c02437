"""Writes small ONNX models, one trap of the conversion to TensorFlow Lite each, for `convert_check.py`.

    python tests/reference/tflite/convert_cases.py cases
    MLBUILD_MODELS=cases MLBUILD_PAIRS=pairs cargo test --test it -- --ignored tflite_convert::pairs
    python tests/reference/tflite/convert_check.py pairs

Needs onnx and numpy. Weights are seeded.
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

FOLDER = sys.argv[1]
os.makedirs(FOLDER, exist_ok=True)
rng=np.random.default_rng(0)
def model(name,nodes,ins,inits,outs,opset=21):
    g=h.make_graph(nodes,name,[h.make_tensor_value_info(n,t,s) for n,t,s in ins],[h.make_tensor_value_info(n,t,None) for n,t in outs],[nh.from_array(v,k) for k,v in inits.items()])
    m=h.make_model(g,opset_imports=[h.make_opsetid('',opset)],ir_version=10)
    try:
        m=onnx.shape_inference.infer_shapes(m)
    except Exception as e: print(name,e)
    onnx.save(m,os.path.join(FOLDER, f'op_{name}.onnx'))
F=T.FLOAT
w=lambda *s: rng.standard_normal(s).astype(np.float32)
def conv(name,xs,ws,**a):
    n='Conv'
    model(name,[h.make_node(n,['x','w','b'],['y'],**a)],[('x',F,xs)],{'w':w(*ws),'b':w(ws[0])},[('y',F)])
conv('conv_s2_even',[1,3,8,8],[4,3,3,3],pads=[1,1,1,1],strides=[2,2])
conv('conv_s2_odd',[2,3,7,9],[4,3,3,3],pads=[1,1,1,1],strides=[2,2])
conv('conv_dil',[1,3,12,12],[4,3,3,3],pads=[2,2,2,2],dilations=[2,2])
conv('conv_asym',[1,3,9,8],[4,3,3,2],pads=[0,1,2,0],strides=[1,2])
conv('conv_samelower',[1,3,8,8],[4,3,3,3],auto_pad='SAME_LOWER',strides=[2,2])
conv('conv_dw',[1,4,8,8],[4,1,3,3],pads=[1,1,1,1],group=4)
conv('conv_dw_mult',[1,4,8,8],[8,1,3,3],pads=[1,1,1,1],group=4,strides=[2,2])
conv('conv_group',[1,6,8,8],[4,3,3,3],pads=[1,1,1,1],group=2)
conv('conv_1d',[2,3,20],[4,3,5],pads=[2,2],strides=[2])
conv('conv_1d_dw',[2,4,20],[4,1,5],pads=[2,2],group=4)
def ct(name,xs,ws,outc,**a):
    model(name,[h.make_node('ConvTranspose',['x','w','b'],['y'],**a)],[('x',F,xs)],{'w':w(*ws),'b':w(outc)},[('y',F)])
ct('ct_k2s2',[1,3,5,6],[3,4,2,2],4,strides=[2,2])
ct('ct_k3s2p1op1',[1,3,5,6],[3,4,3,3],4,strides=[2,2],pads=[1,1,1,1],output_padding=[1,1])
ct('ct_k4s2p1',[1,3,5,6],[3,4,4,4],4,strides=[2,2],pads=[1,1,1,1])
ct('ct_group',[1,4,5,6],[4,3,3,3],6,strides=[2,2],group=2)
ct('ct_dil',[1,3,5,6],[3,4,3,3],4,dilations=[2,2],pads=[1,0,1,2])
ct('ct_k2s2op1',[1,3,5,6],[3,4,2,2],4,strides=[2,2],output_padding=[1,1])
ct('ct_1d',[1,3,9],[3,4,3],4,strides=[2],pads=[1,1])
def one(name,op,xs,inits={},extra=[],outs=1,xt=F,opset=21,**a):
    o=[f'y{i}' for i in range(outs)]
    model(name,[h.make_node(op,['x']+extra+list(inits),o,**a)],[('x',xt,xs)],inits,[(k,F) for k in o],opset)
one('maxpool',"MaxPool",[1,3,8,8],kernel_shape=[3,3],strides=[2,2],pads=[1,1,1,1])
one('maxpool_ceil',"MaxPool",[1,3,8,8],kernel_shape=[3,3],strides=[2,2],ceil_mode=1)
for inc in (0,1):
    one(f'avg_inc{inc}',"AveragePool",[1,3,8,8],kernel_shape=[3,3],strides=[2,2],pads=[1,1,1,1],count_include_pad=inc)
    one(f'avg_s1_inc{inc}',"AveragePool",[1,3,8,8],kernel_shape=[3,3],pads=[1,1,1,1],count_include_pad=inc)
    one(f'avg_ceil_inc{inc}',"AveragePool",[1,3,8,8],kernel_shape=[3,3],strides=[2,2],pads=[0,1,0,1],count_include_pad=inc,ceil_mode=1)
for c in ['half_pixel','align_corners','asymmetric','pytorch_half_pixel']:
    for m,nm in [('nearest','floor'),('nearest','round_prefer_floor'),('nearest','ceil'),('linear','floor')]:
        model(f'resize_{c}_{m}_{nm}',[h.make_node('Resize',['x','','s'],['y'],mode=m,coordinate_transformation_mode=c,nearest_mode=nm)],[('x',F,[1,3,5,6])],{'s':np.array([1,1,2,3],np.float32)},[('y',F)])
model('resize_sizes',[h.make_node('Resize',['x','','','s'],['y'],mode='linear')],[('x',F,[1,3,8,6])],{'s':np.array([1,3,5,11],np.int64)},[('y',F)])
for ax in (1,-1,2): one(f'softmax_{ax}',"Softmax",[2,3,4,5],axis=ax)
one('erf','Erf',[3,40]); one('hardswish','HardSwish',[2,3,4,4]); one('hardsigmoid','HardSigmoid',[2,3,4,4],alpha=1/6.,beta=.5); one('hardsigmoid2','HardSigmoid',[2,3,4,4])
for op in ['Elu','Selu','Celu','Softplus','Softsign','Mish','LeakyRelu','Reciprocal','Exp','Sign','Round','Tanh','ThresholdedRelu','Sin','Cos','Floor','Abs','Neg']: one('u_'+op,op,[2,3,4,4])
one('gelu','Gelu',[2,8]); one('gelu_tanh','Gelu',[2,8],approximate='tanh')
one('elu2','Elu',[2,8],alpha=.5)
one('prelu','PRelu',[2,3,4,4],{'s':w(3,1,1)})
one('clip','Clip',[2,3,4,4],{'lo':np.float32(-.5),'hi':np.float32(.7)})
one('layernorm','LayerNormalization',[2,3,8],{'s':w(8),'b':w(8)})
one('instnorm','InstanceNormalization',[2,3,4,5],{'s':w(3),'b':w(3)})
one('groupnorm','GroupNormalization',[2,6,4,5],{'s':w(6),'b':w(6)},num_groups=3)
one('lrn','LRN',[1,8,4,5],size=5,alpha=.1)
one('lp','LpNormalization',[2,5])
for op in ['ReduceMean','ReduceSum','ReduceMax','ReduceMin','ReduceProd','ReduceL1','ReduceL2','ReduceLogSumExp','ReduceSumSquare']:
    one('r_'+op,op,[2,3,4,5],{'a':np.array([1,3],np.int64)},keepdims=0)
model('argmax',[h.make_node('ArgMax',['x'],['y'],axis=1,keepdims=0)],[('x',F,[2,5,3])],{},[('y',T.INT64)])
one('split','Split',[2,7,3],{'s':np.array([2,5],np.int64)},outs=2,axis=1)
one('split_eq','Split',[2,6,3],outs=3,axis=1,num_outputs=3)
I=lambda *v: np.array(v,np.int64)
one('slice','Slice',[5,6,7],{'s':I(1,-3),'e':I(4,2**62),'a':I(0,2)})
one('slice_neg','Slice',[5,6,7],{'s':I(-1,5),'e':I(-2**62,0),'a':I(0,1),'st':I(-1,-2)})
one('gather','Gather',[5,6],{'i':I(1,-1,3)},axis=1)
one('gather1','Gather',[5,6],{'i':np.array(2,np.int64)},axis=1)
one('gather_el','GatherElements',[3,4],{'i':np.array([[0,1,2,1]],np.int64)},axis=0)
one('gathernd','GatherND',[3,4],{'i':np.array([[0,1],[2,3]],np.int64)})
one('expand','Expand',[3,1],{'s':I(2,3,4)}); one('tile','Tile',[2,3],{'s':I(2,3)})
for m in ['constant','reflect','edge','wrap']: one('pad_'+m,'Pad',[1,2,4,5],{'p':I(0,0,1,2,0,0,2,1)},mode=m)
model('pad_val',[h.make_node('Pad',['x','p','v'],['y'])],[('x',F,[3,4])],{'p':I(1,0,-1,2),'v':np.float32(3)},[('y',F)])
for m in ['DCR','CRD']: one('d2s_'+m,'DepthToSpace',[1,8,2,3],blocksize=2,mode=m)
one('s2d','SpaceToDepth',[1,2,4,6],blocksize=2)
one('cumsum','CumSum',[3,4],{'a':np.array(1,np.int64)},reverse=1)
one('trilu','Trilu',[2,4,5],upper=0)
model('topk',[h.make_node('TopK',['x','k'],['y','i'],axis=1,largest=0)],[('x',F,[2,7,3])],{'k':I(3)},[('y',F),('i',T.INT64)])
model('where',[h.make_node('Greater',['x','z'],['c']),h.make_node('Where',['c','x','z'],['y'])],[('x',F,[2,3,4])],{'z':w(3,1)},[('y',F)])
model('cmp',[h.make_node('Less',['x','z'],['c']),h.make_node('Not',['c'],['d']),h.make_node('Cast',['d'],['y'],to=F)],[('x',F,[2,3,4])],{'z':w(4)},[('y',F)])
model('int',[h.make_node('Mul',['x','k'],['a']),h.make_node('Mod',['a','m'],['y'])],[('x',T.INT64,[2,3])],{'k':I(7),'m':I(5)},[('y',T.INT64)])
model('onehot',[h.make_node('OneHot',['x','d','v'],['y'])],[('x',T.INT64,[2,3])],{'d':np.array(4,np.int64),'v':np.array([0,1],np.float32)},[('y',F)])
model('matmul_bb',[h.make_node('MatMul',['x','z'],['y'])],[('x',F,[2,3,4,5]),('z',F,[3,5,6])],{},[('y',F)])
model('matmul_v',[h.make_node('MatMul',['x','z'],['y'])],[('x',F,[4,5]),('z',F,[5])],{},[('y',F)])
model('matmul_3d',[h.make_node('MatMul',['x','w'],['m']),h.make_node('Add',['m','b'],['y'])],[('x',F,[2,3,4])],{'w':w(4,6),'b':w(6)},[('y',F)])
model('attn',[h.make_node('Transpose',['k'],['kt'],perm=[0,1,3,2]),h.make_node('MatMul',['q','kt'],['s']),h.make_node('Softmax',['s'],['p']),h.make_node('MatMul',['p','k'],['y'])],[('q',F,[1,2,5,4]),('k',F,[1,2,6,4])],{},[('y',F)])
model('gemm',[h.make_node('Gemm',['x','w','b'],['y'],alpha=.5,beta=2.,transA=1)],[('x',F,[4,3])],{'w':w(4,6),'b':w(1,6)},[('y',F)])
for pw in (2.,.5,-1.,3.,1.7): model(f'pow_{pw}',[h.make_node('Abs',['x'],['a']),h.make_node('Pow',['a','p'],['y'])],[('x',F,[3,4])],{'p':np.float32(pw)},[('y',F)])
# recurrent
for op,g in [('LSTM',4),('GRU',3),('RNN',1)]:
    for d,n in [('forward',1),('reverse',1),('bidirectional',2)]:
        for lbr in ([0,1] if op=='GRU' else [None]):
            a={'linear_before_reset':lbr} if lbr is not None else {}
            outs=['y','yh']+(['yc'] if op=='LSTM' else [])
            model(f'{op}_{d}_{lbr}',[h.make_node(op,['x','w','r','b'],outs,hidden_size=5,direction=d,**a)],[('x',F,[4,2,3])],{'w':w(n,g*5,3),'r':w(n,g*5,5),'b':w(n,g*10)},[(o,F) for o in outs])
# nets: SE block, unet skip, shuffle, flatten trap, resnet stem
def net(name,nodes,xs,inits,outs): model(name,nodes,[('x',F,xs)],inits,[(o,F) for o in outs])
N=h.make_node
net('se',[N('Conv',['x','w1'],['c'],pads=[1,1,1,1]),N('GlobalAveragePool',['c'],['g']),N('Conv',['g','w2'],['g1']),N('Relu',['g1'],['g2']),N('Conv',['g2','w3'],['g3']),N('HardSigmoid',['g3'],['s'],alpha=1/6.,beta=.5),N('Mul',['c','s'],['m']),N('HardSwish',['m'],['hs']),N('Conv',['hs','w4'],['y'])],[1,3,8,8],{'w1':w(8,3,3,3),'w2':w(2,8,1,1),'w3':w(8,2,1,1),'w4':w(4,8,1,1)},['y'])
net('se_fc',[N('Conv',['x','w1'],['c'],pads=[1,1,1,1]),N('ReduceMean',['c','ax'],['g'],keepdims=0),N('MatMul',['g','w2'],['g1']),N('Relu',['g1'],['g2']),N('MatMul',['g2','w3'],['g3']),N('Sigmoid',['g3'],['s']),N('Reshape',['s','sh'],['s4']),N('Mul',['c','s4'],['m']),N('Conv',['m','w4'],['y'])],[1,3,8,8],{'w1':w(8,3,3,3),'ax':I(2,3),'w2':w(8,2),'w3':w(2,8),'sh':I(1,8,1,1),'w4':w(4,8,1,1)},['y'])
net('shuffle',[N('Conv',['x','w1'],['c'],pads=[1,1,1,1]),N('Reshape',['c','s1'],['r']),N('Transpose',['r'],['t'],perm=[0,2,1,3,4]),N('Reshape',['t','s2'],['u']),N('Split',['u'],['a','b'],axis=1,num_outputs=2),N('Conv',['a','w2'],['d'],pads=[1,1,1,1],group=4),N('Concat',['b','d'],['e'],axis=1),N('Conv',['e','w3'],['y'])],[1,3,8,8],{'w1':w(8,3,3,3),'s1':I(1,2,4,8,8),'s2':I(1,8,8,8),'w2':w(4,1,3,3),'w3':w(4,8,1,1)},['y'])
net('flat',[N('Conv',['x','w1'],['c']),N('Relu',['c'],['r']),N('Flatten',['r'],['f']),N('Gemm',['f','w2','b2'],['y'],transB=1)],[2,3,6,5],{'w1':w(4,3,3,3),'w2':w(7,48),'b2':w(7)},['y'])
net('stem',[N('Conv',['x','w1'],['c'],pads=[3,3,3,3],strides=[2,2]),N('Relu',['c'],['r']),N('MaxPool',['r'],['p'],kernel_shape=[3,3],strides=[2,2],pads=[1,1,1,1]),N('BatchNormalization',['p','s','b','m','v'],['n']),N('Relu',['n'],['n2']),N('Concat',['p','n2'],['q'],axis=1),N('AveragePool',['q'],['y'],kernel_shape=[2,2],strides=[2,2])],[1,3,32,32],{'w1':w(4,3,7,7),'s':w(4),'b':w(4),'m':w(4),'v':np.abs(w(4))},['y'])
net('unet',[N('Conv',['x','w1'],['c'],pads=[1,1,1,1]),N('Relu',['c'],['r']),N('MaxPool',['r'],['p'],kernel_shape=[2,2],strides=[2,2]),N('ConvTranspose',['p','w2'],['u'],strides=[2,2]),N('Concat',['u','r','x'],['q'],axis=1),N('Conv',['q','w3'],['y'],pads=[1,1,1,1])],[1,3,8,8],{'w1':w(4,3,3,3),'w2':w(4,4,2,2),'w3':w(2,11,3,3)},['y'])
net('dfl',[N('Conv',['x','w1'],['c']),N('Reshape',['c','s1'],['r']),N('Transpose',['r'],['t'],perm=[0,2,1,3]),N('Softmax',['t'],['sm'],axis=1),N('Conv',['sm','w2'],['d']),N('Reshape',['d','s2'],['y'])],[1,3,4,4],{'w1':w(64,3,1,1),'s1':I(1,4,16,16),'w2':np.arange(16,dtype=np.float32).reshape(1,16,1,1),'s2':I(1,4,16)},['y'])
net('in_out',[N('Identity',['x'],['y']),N('Relu',['x'],['z']),N('Identity',['z'],['z2'])],[2,3],{},['y','z','z2'])
net('swin',[N('Reshape',['x','s1'],['a']),N('Transpose',['a'],['b'],perm=[0,2,4,3,5,1]),N('Reshape',['b','s2'],['y'])],[1,3,4,4],{'s1':I(1,3,2,2,2,2),'s2':I(4,4,3)},['y'])
