"""Gives a YOLO11 graph that was exported for a square another input: its constants know the square by heart.

An export with a fixed shape holds the centres and the strides of all cells as constants, and the number of cells in the
shape vectors of its reshapes. All of them follow from the input's size, so they are written anew.
"""

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset13

from edge_agent.detect.decode import STRIDES
from edge_agent.errors import BackendError


def reshape(graph: openvino.Model, name: str, size: tuple[int, int]) -> None:
    """Change the input of `graph`, 1x3xSxS, to 1x3xHxW for `size` = (W, H), multiples of 32.

    Raises:
        BackendError: the graph holds other constants than those of a YOLO11 export.
    """
    width, height = size
    side = int(graph.input(0).shape[2])
    cells, coarse = _cells(side, side), side // STRIDES[-1]
    try:
        # With an open height the old and the new constants both fit, so that they can be exchanged one by one.
        graph.reshape({0: openvino.PartialShape([1, 3, -1, side])})
        for node in graph.get_ops():
            if node.get_type_name() == "Reshape":
                _loosen(node, {cells, coarse**2}, coarse, width // STRIDES[-1])
            elif node.get_type_name() == "Constant":
                _renew(node, cells, size)
        graph.reshape({0: [1, 3, height, width]})
    except RuntimeError as error:
        raise BackendError(f"model {name!r} runs on {side}x{side} only: {str(error).splitlines()[-1]}") from None


def _cells(width: int, height: int) -> int:
    return sum((width // stride) * (height // stride) for stride in STRIDES)


def _loosen(node: openvino.Node, counts: set[int], coarse: int, width: int) -> None:
    """Let a reshape to a number of cells, or to the coarsest grid, work that number out itself."""
    source = node.input_value(1).get_node()
    if source.get_type_name() != "Constant":
        return
    shape = source.get_data().tolist()
    wanted = [-1 if length in counts else length for length in shape]
    if shape[-2:] == [coarse, coarse]:
        wanted[-2:] = [-1, width]
    if wanted != shape:
        node.input(1).replace_source_output(opset13.constant(np.array(wanted, np.int64)).output(0))


def _renew(node: openvino.Node, cells: int, size: tuple[int, int]) -> None:
    """Write centres, 1x2xN in cells, and strides, 1x1xN in pixels, for the cells of the new input."""
    shape = list(node.get_output_shape(0))
    if shape[-1:] != [cells]:
        return
    centres, strides = _grid(size)
    values = centres if shape[-2] == len(centres) else strides
    fresh = opset13.constant(values[None]).output(0)
    for target in node.output(0).get_target_inputs():
        target.replace_source_output(fresh)


def _grid(size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    centres, strides = [], []
    for stride in STRIDES:
        columns, rows = size[0] // stride, size[1] // stride
        row, column = np.divmod(np.arange(rows * columns), columns)
        centres.append(np.stack((column + 0.5, row + 0.5)))
        strides.append(np.full((1, rows * columns), stride))
    return np.concatenate(centres, axis=1).astype(np.float32), np.concatenate(strides, axis=1).astype(np.float32)
